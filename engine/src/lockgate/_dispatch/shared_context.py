"""The context variables of a call whose parts run on threads and in a task.

A wrapper may set a variable before its ``yield`` and reset it behind it. Python allows
that in the very same context only, and the plugins between are to see the value, as
they do where all runs on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token, copy_context
from typing import Any, TypeVar

__all__ = ["SharedContext"]

T = TypeVar("T")

_NONE: Any = object()


class SharedContext:
    """One context for all parts that run on threads, kept equal to the caller's.

    Used by one task; its parts follow one after the other.
    """

    def __init__(self) -> None:
        self._own = copy_context()
        self._tokens: dict[ContextVar[Any], Token[Any]] = {}

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, in this context; on any thread."""
        return self._own.run(work)

    def bring(self) -> None:
        """Take over what was set in the caller's context meanwhile."""
        for variable, value in copy_context().items():
            if self._own.get(variable, _NONE) is not value:
                self._own.run(variable.set, value)

    def give(self) -> None:
        """Set in the caller's context what was set here, and reset what was reset."""
        for variable in [one for one in self._tokens if one not in self._own]:
            variable.reset(self._tokens.pop(variable))
        for variable, value in self._own.items():
            if variable.get(_NONE) is not value:
                token = variable.set(value)
                self._tokens.setdefault(variable, token)

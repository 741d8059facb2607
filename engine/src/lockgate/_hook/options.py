"""The mark of a hook spec: what `lockgate.plugin.hookspec` leaves on a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from lockgate._hook.api import ALWAYS, Life

__all__ = ["SPEC_ATTRIBUTE", "Failure", "HookOptions", "hookspec"]

_Spec = TypeVar("_Spec", bound=Callable[..., Any])

Failure: TypeAlias = Literal["fail", "collect", "skip"]

SPEC_ATTRIBUTE = "lockgate_hook"


@dataclass(frozen=True, slots=True)
class HookOptions:
    """How a hook is dispatched.

    `failure`: ``fail`` raises the first error, ``collect`` asks all and raises
    an ExceptionGroup, ``skip`` leaves the failed answers out and reports them. The
    calls of a `historic` hook are kept: who becomes active later hears of them.
    `life` is in which versions of the API it is there.
    """

    kind: str
    firstresult: bool
    timeout_seconds: float
    failure: Failure
    historic: bool = False
    life: Life = ALWAYS


def hookspec(
    kind: str,
    *,
    firstresult: bool = False,
    timeout_seconds: float = 60.0,
    failure: Failure = "fail",
    historic: bool = False,
    since: str = "1.0",
    deprecated: str = "",
    instead: str = "",
    removed: str = "",
) -> Callable[[_Spec], _Spec]:
    """Mark a method of a Protocol as a hook of `kind`, built in or a plugin's own.

    `since`, `deprecated` and `removed` are versions of the API: lockgate's, or for
    an added kind the class's ``API_VERSION``. `instead` says what to use for a
    deprecated one.

    Raises:
        ValueError: If it is historic and takes the first answer: those who become
            active later could not be asked. If a version is none, or out of order.
    """
    if historic and firstresult:
        message = "a historic hook asks all plugins, also those to come"
        raise ValueError(message)
    life = Life(since, deprecated, instead, removed)

    def mark(function: _Spec) -> _Spec:
        options = HookOptions(
            kind, firstresult, timeout_seconds, failure, historic, life
        )
        setattr(function, SPEC_ATTRIBUTE, options)
        return function

    return mark

"""What stands in a hook's line for a plugin that must not be left out and is missing.

See `lockgate._call.down`: its owner's word for it is ``fail``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from lockgate._call.call import Call
from lockgate._call.down import PluginDownError
from lockgate._specs.spec import HookSpec
from lockgate.errors import PluginUnavailableError
from lockgate.grants import Identity

if TYPE_CHECKING:
    from lockgate._call.answers import Answer
    from lockgate._dispatch.wrapped import Wrapping
    from lockgate.discovery import PluginState

__all__ = ["Vacancy"]


class Vacancy:
    """Stands for a plugin that must not be left out and can't be used at all."""

    def __init__(self, state: PluginState) -> None:
        self.identity = Identity(state.name, state.distribution, state.version, "")
        self._state = state

    def _error(self) -> PluginDownError:
        state = self._state
        error = PluginUnavailableError(
            state.name, state=state.state, reason=state.reason, hint=state.hint
        )
        return PluginDownError(error, "fail")

    on_loop = None

    def ask(self, call: Call) -> Answer[object] | None:  # noqa: ARG002 - a seat's form
        """Fail.

        Raises:
            PluginUnavailableError: Always.
        """
        raise self._error()

    def direct(self, spec: HookSpec, *, alone: bool) -> None:
        """Nothing asks for it in this process."""

    def stream(self, call: Call) -> Generator[object]:  # noqa: ARG002
        """Fail.

        Raises:
            PluginUnavailableError: Always.
        """
        raise self._error()
        yield  # pyright: ignore[reportUnreachable] - a generator, like any seat's

    def begin(self, call: Call) -> Wrapping | None:  # noqa: ARG002
        """Fail.

        Raises:
            PluginUnavailableError: Always.
        """
        raise self._error()

"""`lockgate.plugin.Context` as a plugin of the trusted base has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockgate._call.answers import Answers
from lockgate._call.call import Call
from lockgate._call.face import Calls
from lockgate._call.streams import AnswerStream
from lockgate._record.audit import LogLine, Observer, Progress
from lockgate.discovery import PluginState
from lockgate.values import Data, Document, ProgramRun, PythonRun, Tree

if TYPE_CHECKING:
    from lockgate.plugin import DataFolder

__all__ = ["HostContext"]


class CallsWithin(Calls):
    """The host's calls, made from inside a call: they end when it does.

    A call has no more time than what is left of the one that it is made in, and is
    cancelled with it.
    """

    def __init__(self, host: Calls, outer: Call) -> None:
        self._host = host
        self._outer = outer

    def plugins(self) -> tuple[PluginState, ...]:
        """Every plugin that was found, as it is now."""
        return self._host.plugins()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that would be asked for `hook`, in order."""
        return self._host.implementers(hook)

    def call_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
    ) -> Answers[Any]:
        """`call`, ending no later than `outer` or the call around this."""
        within = self._outer if outer is None else outer
        return self._host.call_within(hook, plugin, timeout, arguments, within)

    def stream_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
    ) -> AnswerStream[Any]:
        """`stream`, ending no later than `outer` or the call around this."""
        within = self._outer if outer is None else outer
        return self._host.stream_within(hook, plugin, timeout, arguments, within)


class HostContext:
    """`lockgate.plugin.Context` for the trusted base, with the host itself."""

    scratch = None
    """A plugin in the host has no private folder."""

    def __init__(
        self,
        host: Calls,
        plugin: str,
        config: Document,
        data: DataFolder | None,
        call: Call,
        observer: Observer,
    ) -> None:
        self.host: Calls = CallsWithin(host, call)
        self.plugin = plugin
        self.config = config
        self.data = data
        self._hook = call.spec.name
        self._observer = observer

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Tell the owner how far the work is."""
        self._observer.progress(Progress(self.plugin, self._hook, message, fraction))

    def log(self, level: str, message: str, **fields: Data) -> None:
        """Write one structured line to the host's log."""
        self._observer.log(LogLine(self.plugin, self._hook, level, message, fields))

    def has_program(self, name: str) -> bool:  # noqa: ARG002 - part of the protocol
        """Never: programs belong into a sealed worker."""
        return False

    def run_program(
        self,
        name: str,  # noqa: ARG002 - part of the protocol, like all below
        arguments: Sequence[str],  # noqa: ARG002
        *,
        stdin: bytes = b"",  # noqa: ARG002
        tree: Tree | None = None,  # noqa: ARG002
        collect: Sequence[str] = (),  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> ProgramRun:
        """Refused: call a hook of a sealed plugin instead.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(_NO_PROGRAMS)

    def http_transport(self) -> Any:
        """Refused: call a hook of a sealed plugin instead.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(_NO_BROKER)

    def secret(self, name: str) -> str:  # noqa: ARG002 - part of the protocol
        """Refused: call a hook of a sealed plugin instead.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(_NO_BROKER)

    def open_device(self, path: str) -> int:  # noqa: ARG002 - part of the protocol
        """Refused: call a hook of a sealed plugin instead.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(_NO_BROKER)

    def run_python(
        self,
        tree: Tree,  # noqa: ARG002
        entry: str,  # noqa: ARG002
        arguments: Document | None = None,  # noqa: ARG002
        *,
        cpu_seconds: float = 10.0,  # noqa: ARG002
        wall_seconds: float = 20.0,  # noqa: ARG002
        memory_bytes: int = 256 * 1024 * 1024,  # noqa: ARG002
    ) -> PythonRun:
        """Refused: call a hook of a sealed plugin instead.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(_NO_PROGRAMS)


_NO_BROKER = (
    "a plugin of the trusted base has no broker; it calls hooks of sealed plugins "
    "(context.host)"
)

_NO_PROGRAMS = (
    "a plugin of the trusted base starts no programs; it calls hooks of sealed "
    "plugins (context.host)"
)

"""All that a plugin's author imports.

A plugin is a package with a ``lockgate.toml`` and functions marked `hookimpl`::

    from lockgate.plugin import Context, File, Tree, Transformation, hookimpl

    @hookimpl
    def transform(tree: Tree, context: Context) -> Transformation:
        ...

An impl takes any of its spec's arguments, by name (`lockgate.hookspecs`).
The code runs in a sealed worker; `Context` is its only way to the outside.
Imported inside every worker: standard library only, and cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, overload

from lockgate._hook.options import hookspec
from lockgate.values import (
    AnalysisReport,
    Completion,
    Data,
    Device,
    DeviceHandle,
    Document,
    File,
    Finding,
    ForeignEntry,
    Generation,
    ModelInfo,
    Note,
    Patch,
    Position,
    ProgramRun,
    PythonRun,
    Range,
    Reason,
    Severity,
    Simulation,
    Task,
    Transformation,
    Tree,
    Verdict,
)

__all__ = [
    "AnalysisReport",
    "Completion",
    "Context",
    "Data",
    "DataFolder",
    "Device",
    "DeviceHandle",
    "Document",
    "File",
    "Finding",
    "ForeignEntry",
    "Generation",
    "HookFailedError",
    "ModelInfo",
    "Note",
    "Patch",
    "Position",
    "ProgramRun",
    "PythonRun",
    "Range",
    "Reason",
    "RefusedError",
    "Severity",
    "Simulation",
    "Task",
    "Transformation",
    "Tree",
    "Verdict",
    "hookimpl",
    "hookspec",
]

_Impl = TypeVar("_Impl", bound=Callable[..., Any])

IMPL_ATTRIBUTE = "lockgate_impl"
"""Where `hookimpl` leaves its options: pluggy's convention for project lockgate."""


class RefusedError(Exception):
    """Raised by an impl: the input is refused, with every reason found.

    The host turns it into its own `lockgate.errors.InputRefusedError` (exit
    status 3 on the command line).
    """

    def __init__(self, reasons: Sequence[Reason]) -> None:
        if not reasons:
            msg = "a refusal gives at least one reason"
            raise ValueError(msg)
        super().__init__("; ".join(f"{r.where}: {r.message}" for r in reasons))
        self.reasons = tuple(reasons)


class HookFailedError(Exception):
    """What a wrapper sees of a plugin that failed inside it, raised at its ``yield``.

    It names the `plugin`, its `version`, the `hook`, and the `code` of what went
    wrong (`lockgate.errors`); `reasons` are those of a refusal. Let it pass, or
    catch it and return an answer. Of a hook whose policy is ``collect`` all failures
    come as one ExceptionGroup.
    """

    def __init__(
        self,
        message: str,
        *,
        plugin: str,
        hook: str,
        code: str,
        version: str = "",
        reasons: Sequence[Reason] = (),
    ) -> None:
        super().__init__(f"{plugin}: {message}" if plugin else message)
        self.plugin = plugin
        self.version = version
        self.hook = hook
        self.code = code
        self.reasons = tuple(reasons)


class DataFolder(Protocol):
    """A plugin's own files, which outlast its workers and its versions.

    The host keeps them, each read and written whole, for this plugin of this
    distribution: as many bytes and files as its limits ``disk-bytes`` and ``inodes``
    say. A path is relative, of plain parts.
    """

    def read(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: If there is none.
        """
        ...

    def write(self, path: str, content: bytes) -> None:
        """Put a file in the place of what was there; folders come by themselves.

        Raises:
            OSError: If it does not fit any more (code ``data-full``). What was there
                is there still.
        """
        ...

    def delete(self, path: str) -> None:
        """Remove a file.

        Raises:
            FileNotFoundError: If there is none.
        """
        ...

    def paths(self) -> tuple[str, ...]:
        """Every file, sorted."""
        ...


class Context(Protocol):
    """A worker's way to the outside: what its owner granted, and no more."""

    @property
    def plugin(self) -> str:
        """The plugin's name."""
        ...

    @property
    def config(self) -> Document:
        """The plugin's configuration, checked against its manifest's schema."""
        ...

    @property
    def scratch(self) -> Path | None:
        """A private folder to write in; None at tier ``read-only``."""
        ...

    @property
    def data(self) -> DataFolder | None:
        """Files that outlast the worker; None at tier ``read-only``."""
        ...

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Tell the owner how far the work is (`fraction` from 0 to 1)."""
        ...

    def log(self, level: str, message: str, **fields: Data) -> None:
        """Write one structured line to the host's log."""
        ...

    def has_program(self, name: str) -> bool:
        """Whether `run_program` would find `name`: granted and present."""
        ...

    def run_program(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        tree: Tree | None = None,
        collect: Sequence[str] = (),
        timeout: float | None = None,
    ) -> ProgramRun:
        """Run a granted program in a fresh folder that holds `tree`.

        A program of the plugin's own environment runs under the plugin's seal;
        a program of the machine (tier ``admin``) is started by the broker in a
        sandbox of its own. `collect` names files, or glob patterns, to bring
        back from the folder.

        Raises:
            PermissionError: If the program is not granted; the message names
                the grant that would allow it.
            FileNotFoundError: If it is granted but not installed.
            TimeoutError: If it ran longer than `timeout` seconds.
        """
        ...

    def http_transport(self) -> Any:
        """A transport for httpx clients, sync and async, to the granted hosts.

        ``httpx.Client(transport=context.http_transport())``. The host sends the
        requests. `requests`, `urllib` and `aiohttp` need nothing of the kind where
        a host is granted without a scheme (``net:api.example.com:443``).

        Raises:
            ModuleNotFoundError: If the plugin's environment has no httpx.
        """
        ...

    def secret(self, name: str) -> str:
        """The value of a granted secret.

        Raises:
            PermissionError: If it is not granted, or the owner has set no value;
                the message names the grant that would allow it.
        """
        ...

    def open_device(self, path: str) -> int:
        """The open descriptor of a granted device; the caller closes it.

        Raises:
            PermissionError: If it is not granted; the message names the grant.
            OSError: If it can't be opened, or another program uses it.
        """
        ...

    def run_python(
        self,
        tree: Tree,
        entry: str,
        arguments: Document | None = None,
        *,
        cpu_seconds: float = 10.0,
        wall_seconds: float = 20.0,
        memory_bytes: int = 256 * 1024 * 1024,
    ) -> PythonRun:
        """Run Python code in a fresh read-only worker and return its value.

        `tree` becomes importable there (and only there); `entry` is
        ``module:function`` within it, called with `arguments` as keywords.
        A limit, a crash or an exception is a value (`PythonRun.error`).
        """
        ...


@overload
def hookimpl(function: _Impl, /) -> _Impl: ...
@overload
def hookimpl(
    *,
    specname: str | None = None,
    tryfirst: bool = False,
    trylast: bool = False,
    wrapper: bool = False,
    optionalhook: bool = False,
) -> Callable[[_Impl], _Impl]: ...


def hookimpl(
    function: _Impl | None = None,
    /,
    *,
    specname: str | None = None,
    tryfirst: bool = False,
    trylast: bool = False,
    wrapper: bool = False,
    optionalhook: bool = False,
) -> _Impl | Callable[[_Impl], _Impl]:
    """Mark a function as the plugin's answer to the hook of its name.

    The options are pluggy's, kept where pluggy looks for them, so that a
    trusted plugin registers with a plain pluggy manager too.
    """

    def mark(target: _Impl) -> _Impl:
        options: Mapping[str, object] = {
            "wrapper": wrapper,
            "hookwrapper": False,
            "optionalhook": optionalhook,
            "tryfirst": tryfirst,
            "trylast": trylast,
            "specname": specname,
        }
        setattr(target, IMPL_ATTRIBUTE, options)
        return target

    return mark if function is None else mark(function)

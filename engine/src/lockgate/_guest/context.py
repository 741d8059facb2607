"""`lockgate.plugin.Context` as a sealed worker has it.

It holds no power of its own: a program of the plugin's environment is started
under the seal that the worker already has, and for everything else it asks the
broker on the host's side, which decides and keeps the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lockgate._codec.convert import codec, to_data
from lockgate._guest.data import WorkerData
from lockgate._guest.program import run_here
from lockgate.values import Data, Document, ProgramRun, PythonRun, Tree

__all__ = ["Session", "WorkerContext"]

_TREE = codec(Tree)
_PROGRAM_RUN: Callable[[object], ProgramRun] = codec(ProgramRun).decode
_PYTHON_RUN: Callable[[object], PythonRun] = codec(PythonRun).decode


class Session(Protocol):
    """What the sandbox gives to a worker's target."""

    @property
    def scratch(self) -> Path | None:
        """The private folder, None where the tier has none."""
        ...

    @property
    def programs(self) -> Mapping[str, str]:
        """Path of each program that may be started here."""
        ...

    def call_host(self, name: str, arguments: Mapping[str, Data]) -> Data:
        """Run the host's callback `name` and give its value."""
        ...

    def http_transport(self) -> Any:
        """A transport of the plugin's own httpx."""
        ...

    def secret(self, name: str) -> str:
        """The value of a granted secret."""
        ...

    def open_device(self, name: str) -> int:
        """The descriptor of a granted device."""
        ...


class WorkerContext:
    """The plugin's way to the outside (see `lockgate.plugin.Context`)."""

    def __init__(
        self,
        session: Session,
        *,
        plugin: str,
        config: Document,
        tools: Sequence[str],
    ) -> None:
        self._session = session
        self._plugin = plugin
        self._config = config
        self._tools = frozenset(tools)

    @property
    def plugin(self) -> str:
        """The plugin's name."""
        return self._plugin

    @property
    def config(self) -> Document:
        """The plugin's configuration."""
        return self._config

    @property
    def scratch(self) -> Path | None:
        """The private folder; None at tier ``read-only``."""
        scratch = self._session.scratch
        return None if scratch is None else Path(scratch)

    @property
    def data(self) -> WorkerData | None:
        """The plugin's own files; None at tier ``read-only``."""
        return None if self._session.scratch is None else WorkerData(self._session)

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Tell the owner how far the work is."""
        self._session.call_host("progress", {"message": message, "fraction": fraction})

    def log(self, level: str, message: str, **fields: Data) -> None:
        """Write one structured line to the host's log."""
        arguments: dict[str, Data] = {"level": level, "message": message}
        self._session.call_host("log", {**arguments, "fields": to_data(fields)})

    def has_program(self, name: str) -> bool:
        """Whether `run_program` would find `name`."""
        return name in self._session.programs or name in self._tools

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
        """Run a granted program, here if it is ours, else through the broker."""
        path, scratch = self._session.programs.get(name), self.scratch
        files = tree if tree is not None else Tree()
        if path is not None and scratch is not None:
            return run_here(
                [path, *arguments],
                folder=scratch,
                stdin=stdin,
                tree=files,
                collect=tuple(collect),
                timeout=timeout,
            )
        answer = self._session.call_host(
            "run_tool",
            {
                "name": name,
                "arguments": list(arguments),
                "stdin": stdin,
                "tree": _TREE.encode(files),
                "collect": list(collect),
                "timeout": timeout,
            },
        )
        return _PROGRAM_RUN(answer)

    def http_transport(self) -> Any:
        """A transport for httpx clients, through the broker."""
        return self._session.http_transport()

    def secret(self, name: str) -> str:
        """The value of a granted secret, from the broker."""
        return self._session.secret(name)

    def open_device(self, path: str) -> int:
        """The open descriptor of a granted device, from the broker."""
        return self._session.open_device(path)

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
        """Run Python code in a fresh read-only worker, through the broker."""
        answer = self._session.call_host(
            "run_python",
            {
                "tree": _TREE.encode(tree),
                "entry": entry,
                "arguments": to_data(arguments or {}),
                "cpu_seconds": cpu_seconds,
                "wall_seconds": wall_seconds,
                "memory_bytes": memory_bytes,
            },
        )
        return _PYTHON_RUN(answer)

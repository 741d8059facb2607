"""What a worker asks of its host, rebuilt by a declared type before all else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from lockgate._codec.convert import codec
from lockgate._codec.misfit import Misfit
from lockgate._data.folder import DataFolder
from lockgate.values import Data, Document, Tree

__all__ = [
    "LogRequest",
    "ProgressRequest",
    "PythonRequest",
    "ToolRequest",
    "data_callbacks",
    "request",
]


def request(kind: Hashable, arguments: Mapping[str, Data]) -> Any:
    """A worker's request, rebuilt by its declared type.

    Raises:
        ValueError: If it does not fit.
    """
    try:
        return codec(kind).decode(arguments)
    except Misfit as error:
        message = f"a request that does not fit its form: {error}"
        raise ValueError(message) from error


@dataclass(frozen=True, slots=True)
class ProgressRequest:
    """How far the plugin says it is."""

    message: str
    fraction: float | None


@dataclass(frozen=True, slots=True)
class LogRequest:
    """A line for its log."""

    level: str
    message: str
    fields: Document


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A program of the machine to run."""

    name: str
    arguments: tuple[str, ...]
    stdin: bytes
    tree: Tree
    collect: tuple[str, ...]
    timeout: float | None


@dataclass(frozen=True, slots=True)
class PythonRequest:
    """Python to run in a worker of its own."""

    tree: Tree
    entry: str
    arguments: Document
    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Path:
    path: str


@dataclass(frozen=True, slots=True)
class _Content:
    path: str
    content: bytes


def data_callbacks(
    folder: DataFolder | None,
) -> dict[str, Callable[[Mapping[str, Data]], Data]]:
    """The requests about a plugin's own files, by name; refused where it has none."""

    def kept() -> DataFolder:
        if folder is None:
            message = "a plugin of tier read-only keeps no files"
            raise PermissionError(message)
        return folder

    def read(arguments: Mapping[str, Data]) -> Data:
        return kept().read(request(_Path, arguments).path)

    def write(arguments: Mapping[str, Data]) -> Data:
        files = kept()
        wanted: _Content = request(_Content, arguments)
        files.write(wanted.path, wanted.content)
        return None

    def delete(arguments: Mapping[str, Data]) -> Data:
        kept().delete(request(_Path, arguments).path)
        return None

    def paths(_: Mapping[str, Data]) -> Data:
        return list(kept().paths())

    return {
        "data.read": read,
        "data.write": write,
        "data.delete": delete,
        "data.paths": paths,
    }

"""The values that hooks take and give: frozen, typed, made of plain data.

A hook's arguments and answers cross a process boundary, so every type here is
built only from ``None``, ``bool``, ``int``, ``float``, ``str``, ``bytes``,
tuples, string-keyed mappings and each other. The host rebuilds an answer from
the wire by these declarations alone and refuses whatever does not fit.

This module is imported inside every worker: standard library only, and cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal, TypeAlias

__all__ = [
    "AnalysisReport",
    "Completion",
    "Data",
    "Device",
    "DeviceHandle",
    "Document",
    "File",
    "Finding",
    "ForeignEntry",
    "Generation",
    "ModelInfo",
    "Note",
    "Patch",
    "Position",
    "ProgramRun",
    "PythonRun",
    "Range",
    "Reason",
    "Severity",
    "Simulation",
    "Task",
    "Transformation",
    "Tree",
    "Verdict",
]

Data: TypeAlias = (
    "bool | int | float | str | bytes | Sequence[Data] | Mapping[str, Data] | None"
)
"""The closed set of types that may cross the boundary."""

Document: TypeAlias = Mapping[str, Data]
"""A JSON-like object with string keys (a spec, a contract, a run)."""

Severity: TypeAlias = Literal["error", "warning", "note"]
"""SARIF 2.1.0 levels (section 3.27.10), without ``none``."""

PATH_LIMIT_CHARS = 512
"""Longest path inside a tree."""

_NO_PARTS = frozenset(("", ".", ".."))


def check_path(path: str) -> str:
    """Return `path` if it names a file inside a tree.

    Raises:
        ValueError: If the path is empty, absolute, over `PATH_LIMIT_CHARS`,
            holds a backslash or control character, or has a ``.``, ``..`` or
            empty part.
    """
    if not path or len(path) > PATH_LIMIT_CHARS:
        msg = f"a tree path has 1 to {PATH_LIMIT_CHARS} characters: {path[:80]!r}"
        raise ValueError(msg)
    plain = path.isascii() and path.isprintable()
    if "\\" in path or (not plain and any(ord(c) < 32 or ord(c) == 127 for c in path)):
        msg = f"a tree path holds no backslash and no control character: {path!r}"
        raise ValueError(msg)
    if not _NO_PARTS.isdisjoint(path.split("/")):
        msg = f"a tree path is relative and has no empty, '.' or '..' part: {path!r}"
        raise ValueError(msg)
    return path


@dataclass(frozen=True, slots=True)
class File:
    """One file of a tree: a relative POSIX path and its bytes."""

    path: str
    content: bytes
    executable: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)

    @property
    def text(self) -> str:
        """The content as UTF-8; bytes that are none become U+FFFD."""
        return self.content.decode("utf-8", "replace")


_path_of = attrgetter("path")


@dataclass(frozen=True, slots=True)
class Tree:
    """A set of files, sorted by path, each path once.

    Raises:
        ValueError: If two files have one path, or one file's path is a folder
            of another's.
    """

    files: tuple[File, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.files, key=_path_of))
        object.__setattr__(self, "files", ordered)
        if len(ordered) < 2:
            return
        paths = set(map(_path_of, ordered))
        if len(paths) != len(ordered):
            msg = "a tree holds each path once"
            raise ValueError(msg)
        folders: set[str] = set()
        for path in paths:
            folder = path.rpartition("/")[0]
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        both = min(folders & paths, default="")
        if both:
            msg = f"{both!r} is both a file and a folder"
            raise ValueError(msg)

    @classmethod
    def of(cls, files: Mapping[str, str | bytes]) -> Tree:
        """A tree of `files`, text encoded as UTF-8."""
        return cls(
            tuple(
                File(path, body.encode() if isinstance(body, str) else body)
                for path, body in files.items()
            )
        )

    def __iter__(self) -> Iterator[File]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __contains__(self, path: object) -> bool:
        return any(file.path == path for file in self.files)

    def __getitem__(self, path: str) -> File:
        for file in self.files:
            if file.path == path:
                return file
        raise KeyError(path)

    def merged(self, other: Tree) -> Tree:
        """This tree with the files of `other` added or replaced."""
        files = {file.path: file for file in self.files}
        files.update({file.path: file for file in other.files})
        return Tree(tuple(files.values()))


@dataclass(frozen=True, slots=True)
class Note:
    """Something the asker must know of an answer that was given all the same.

    `kind` ``substituted``: `asked` was not made, `given` was made instead.
    """

    kind: Literal["substituted", "assumed", "warning", "info"]
    subject: str
    message: str
    asked: str = ""
    given: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an input was refused: what, where and the way out."""

    code: str
    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generator's answer: the files, and what to know of them.

    `contract` is what the generated files promise to do, as data that a board
    can check (``docs/reference/contract.md``); empty where there is none.
    """

    tree: Tree
    notes: tuple[Note, ...] = ()
    contract: Document = field(default_factory=dict[str, Data])
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: line and column, both from 1."""

    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` up to, not including, `end`."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of an analyzer; `lockgate.sarif` writes it as SARIF 2.1.0."""

    path: str
    rule: str
    severity: Severity
    message: str
    range: Range | None = None
    tool: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ForeignEntry:
    """An entry point of a foreign ecosystem, as an adapter's driver is given it.

    `value` is ``module:attribute``, or a module alone, extras left out.
    """

    group: str
    name: str
    value: str
    distribution: str

    def load(self) -> object:
        """What it names, imported; only ever in the plugin's own sealed worker."""
        from importlib import import_module

        module, _, attributes = self.value.partition(":")
        found: object = import_module(module.strip())
        for name in filter(None, attributes.strip().split(".")):
            found = getattr(found, name)
        return found


@dataclass(frozen=True, slots=True)
class AnalysisReport:
    """An analyzer's answer: findings, and files made on the way (bytecode)."""

    findings: tuple[Finding, ...] = ()
    artifacts: Tree = Tree()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Transformation:
    """A transformer's answer: the whole tree, changed files included.

    `diff` is a unified diff from the input tree, empty when nothing changed;
    the host computes it, so an impl need not fill it.
    """

    tree: Tree
    diff: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that can be opened, or a board that can be simulated."""

    id: str
    kind: str
    summary: str
    simulated: bool = False
    details: Document = field(default_factory=dict[str, Data])


@dataclass(frozen=True, slots=True)
class DeviceHandle:
    """An open device: the key for read, write and close."""

    device: str
    handle: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check of a simulation: what was expected, what was seen."""

    name: str
    passed: bool
    expected: str = ""
    seen: str = ""
    at_us: int = 0


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a board did: `events` in order of time, and the checks held to them.

    An event is an object with ``at_us`` (microseconds since reset), ``kind``
    (``pin``, ``rx``, ``tx``, ``analog``, ``mark``) and that kind's fields
    (``docs/reference/contract.md``).
    """

    board: str
    passed: bool
    duration_us: int
    events: tuple[Document, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    artifacts: Tree = Tree()
    notes: tuple[Note, ...] = ()
    stopped: str = ""
    """Why it ended early (``cpu-limit``, ``firmware-raised`` ...), or empty."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that an AI plugin offers."""

    id: str
    summary: str
    tasks: tuple[str, ...] = ()
    local: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """What an AI plugin is asked: a kind of work, words and documents."""

    kind: str
    prompt: str = ""
    documents: Document = field(default_factory=dict[str, Data])
    tree: Tree = Tree()


@dataclass(frozen=True, slots=True)
class Patch:
    """A change to one file, as a unified diff that `patch -p1` applies."""

    path: str
    diff: str
    why: str


@dataclass(frozen=True, slots=True)
class Completion:
    """An AI plugin's answer."""

    text: str
    model: str
    patches: tuple[Patch, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """How a program ended that `Context.run_program` ran."""

    status: int
    stdout: bytes
    stderr: bytes
    tree: Tree = Tree()
    """The files that were asked for with ``collect``."""
    seconds: float = 0.0
    posture: Document = field(default_factory=dict[str, Data])


@dataclass(frozen=True, slots=True)
class PythonRun:
    """How Python code ended that `Context.run_python` ran in a worker of its own."""

    value: Data
    output: str = ""
    error: str = ""
    """Empty, or the code of the error that ended it (``cpu-limit``,
    ``remote-error``, ``worker-died`` ...)."""
    message: str = ""
    seconds: float = 0.0
    posture: Document = field(default_factory=dict[str, Data])

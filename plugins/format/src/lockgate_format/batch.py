"""Which files a tool may be given, and under what names.

A file reaches a program as ``0.py``, ``1.py`` ...: a path of a tree is foreign
text, and as an argument or a glob it could mean something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from lockgate.values import File, Note, ProgramRun, Tree

__all__ = ["BOM", "Item", "Outcome", "Programs", "admit", "batches"]

BOM = b"\xef\xbb\xbf"

_FILE_LIMIT_BYTES = 2 * 1024 * 1024
"""Larger files are data, not code that someone reads: they cost minutes."""

_BATCH_FILES = 2000
"""Files per program start: far below what a command line may hold."""


class Programs(Protocol):
    """What the library needs of the outside: a way to run a granted program."""

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
        """Run `name` in a fresh folder that holds `tree`."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """One admitted file: its alias in the program's folder, and its body.

    `bom` is kept aside and put back: ruff would drop it, clang-format keep it.
    """

    file: File
    alias: str
    body: bytes
    bom: bytes

    def given(self, body: bytes) -> File:
        """The file with a new body."""
        return File(self.file.path, self.bom + body, self.file.executable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool made of its files: the changed ones, and notes on the others."""

    changed: tuple[File, ...] = ()
    notes: tuple[Note, ...] = ()


def _unfit(content: bytes) -> str:
    """Why `content` is not for a formatter: a message that names the line."""
    if len(content) > _FILE_LIMIT_BYTES:
        return f"{len(content)} bytes, over the limit of {_FILE_LIMIT_BYTES}"
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        return f"line {line}: a NUL byte, so not a text"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8"
    return ""


def admit(files: Sequence[File]) -> tuple[list[Item], list[Note]]:
    """Split `files` into those a tool may have and notes on those it may not.

    Empty files are neither: there is nothing to format.
    """
    items: list[Item] = []
    notes: list[Note] = []
    for file in files:
        reason = _unfit(file.content)
        if reason:
            notes.append(unchanged(file.path, reason))
            continue
        bom = BOM if file.content.startswith(BOM) else b""
        body = file.content[len(bom) :]
        if body:
            suffix = PurePosixPath(file.path).suffix
            items.append(Item(file, f"{len(items)}{suffix}", body, bom))
    return items, notes


def unchanged(path: str, reason: str) -> Note:
    """A note that `path` was handed back as it came."""
    return Note("warning", path, f"left as it is: {reason}")


def batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Split `items` by what one program start takes: one batch, nearly always."""
    for start in range(0, len(items), _BATCH_FILES):
        yield items[start : start + _BATCH_FILES]

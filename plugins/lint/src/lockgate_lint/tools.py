"""What the three programs have in common: who runs them, and how they may fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lockgate.values import File, Finding, Position, ProgramRun, Range, Tree
from lockgate_lint.rules import RULES

__all__ = ["Programs", "finding", "guarded", "readable"]

_FILE_LIMIT_BYTES = 2 * 1024 * 1024
"""Larger files are data, not code that someone reads: they cost minutes."""


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


def finding(
    rule: str,
    path: str,
    message: str,
    place: tuple[int, int] | None = None,
    end: tuple[int, int] | None = None,
    *,
    tool: str = "",
) -> Finding:
    """A finding of a rule of the table; `tool` overrides the rule's own."""
    row = RULES[rule]
    where = None
    if place is not None:
        start = Position(max(1, place[0]), max(1, place[1]))
        stop = Position(*end) if end else Position(start.line, start.column + 1)
        where = Range(start, stop)
    return Finding(path, rule, row.severity, message, where, tool or row.tool, row.hint)


def readable(files: Sequence[File]) -> tuple[list[File], list[Finding]]:
    """Split `files` into texts and a finding for each that is none."""
    texts: list[File] = []
    findings: list[Finding] = []
    for file in files:
        if len(file.content) > _FILE_LIMIT_BYTES:
            message = f"{len(file.content)} bytes, over the limit {_FILE_LIMIT_BYTES}"
            findings.append(finding("file-unreadable", file.path, message))
            continue
        try:
            file.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = file.content.count(b"\n", 0, error.start) + 1
            message = f"byte 0x{file.content[error.start]:02x} is not UTF-8"
            findings.append(finding("file-unreadable", file.path, message, (line, 1)))
            continue
        texts.append(file)
    return texts, findings


def guarded(
    tool: str, files: Sequence[File], run: Callable[[], Sequence[Finding]]
) -> list[Finding]:
    """What `run` finds; a tool that cannot run is a finding about `files`.

    So one missing tool does not hide what the others found, and yet a build does
    not pass unchecked.
    """
    if not files:
        return []
    path = files[0].path
    more = f" ({len(files)} files unchecked)"
    try:
        return list(run())
    except (PermissionError, FileNotFoundError) as error:
        message = f"{error}{more}"
        return [finding("tool-unavailable", path, message, tool=tool)]
    except TimeoutError as error:
        return [finding("tool-failed", path, f"{error}{more}", tool=tool)]

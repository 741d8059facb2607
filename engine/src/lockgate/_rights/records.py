"""Find a program of an environment by what its distribution says it installed.

A manifest names a program by distribution and the end of a path; the RECORD of
the installed distribution (PyPA specification "Recording installed projects")
says where that file is. Nothing is searched on PATH, so nothing else can stand
in for it.
"""

from __future__ import annotations

import csv
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lockgate._text.files import UnreadableError, read_bounded

__all__ = ["ProgramMissingError", "find_program"]

RECORD_LIMIT_BYTES = 16 * 1024 * 1024


class ProgramMissingError(LookupError):
    """A program that cannot be had; the text says why."""


def find_program(
    distribution: str,
    file: str,
    *,
    folders: Sequence[str],
    prefixes: Sequence[str] = (sys.prefix,),
) -> str:
    """The absolute path of a distribution's program.

    `folders` are the environment's import folders, in order; the first that
    holds the distribution counts. The file must be regular, executable, and lie
    in one of them or of `prefixes` (where ``bin`` is).

    Raises:
        ProgramMissingError: If the distribution is not installed, has no such
            file, or the file is not one that may be run.
    """
    info = _info_folder(distribution, folders)
    if info is None:
        message = f"the distribution {distribution!r} is not installed"
        raise ProgramMissingError(message)
    wanted = tuple(part for part in file.split("/") if part)
    found = [entry for entry in _entries(info) if entry.parts[-len(wanted) :] == wanted]
    if not found:
        raise ProgramMissingError(f"{distribution!r} installed no file {file!r}")
    inside = [Path(folder).resolve() for folder in (*folders, *prefixes)]
    reasons: list[str] = []
    for entry in found:
        path = (info.parent / entry).resolve()
        reason = _unfit(path, inside)
        if not reason:
            return str(path)
        reasons.append(reason)
    raise ProgramMissingError("; ".join(dict.fromkeys(reasons)))


def _unfit(path: Path, inside: Sequence[Path]) -> str:
    """Why `path` may not be run, or the empty string."""
    if not any(path.is_relative_to(folder) for folder in inside):
        return f"{path} lies outside of the environment"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"{path} is no regular file"
    return "" if mode & stat.S_IXUSR else f"{path} is not executable"


def _info_folder(distribution: str, folders: Sequence[str]) -> Path | None:
    wanted = _normal(distribution)
    for folder in folders:
        try:
            names = sorted(path.name for path in Path(folder).glob("*.dist-info"))
        except OSError:
            continue
        for name in names:
            if _normal(name.removesuffix(".dist-info").rpartition("-")[0]) == wanted:
                return Path(folder, name)
    return None


def _normal(name: str) -> str:
    """A distribution's name as the packaging specification normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(info: Path) -> Iterator[Path]:
    """The installed files, relative to the folder that holds `info`."""
    record = info / "RECORD"
    try:
        text = read_bounded(str(record), RECORD_LIMIT_BYTES).decode("utf-8")
    except UnreadableError as error:
        raise ProgramMissingError(f"{record} {error}") from error
    except UnicodeDecodeError as error:
        raise ProgramMissingError(f"{record} is no UTF-8: {error}") from error
    try:
        for row in csv.reader(text.splitlines()):
            if row:
                yield Path(row[0])
    except csv.Error as error:
        raise ProgramMissingError(f"{record}: {error}") from error

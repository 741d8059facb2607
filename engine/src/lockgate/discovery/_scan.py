"""The folders of a search path: which distributions lie there, and which are ours.

One `os.scandir` per folder, one small read per distribution; nothing is
imported, and no ``.pth`` line is ever executed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from lockgate._text.files import (
    ABSENT,
    Stamp,
    UnreadableError,
    check_exhausted,
    read_bounded,
    settled,
    stamp,
)
from lockgate.discovery._entry_points import (
    OURS,
    EntryPoint,
    Wanted,
    parse_entry_points,
)

__all__ = ["Distribution", "Memo", "normalised", "scan_folder", "search_folders"]

_ENTRY_POINTS_LIMIT_BYTES = 1024 * 1024

Memo: TypeAlias = "dict[str, list[int]]"
"""Of a folder's distributions that hold no plugin: the stamps of the metadata
folder and of its ``entry_points.txt``, one after the other."""


class Distribution(NamedTuple):
    """One installed distribution that claims to hold a plugin.

    `folder` is its ``.dist-info`` or ``.egg-info``; `trouble` says why its entry
    points could not be read.
    """

    folder: str
    name: str
    version: str
    entries: tuple[EntryPoint, ...]
    trouble: str


def normalised(name: str) -> str:
    """`name` as PEP 503 compares it: lower case, single dashes."""
    words = name.lower().replace("_", "-").replace(".", "-")
    while "--" in words:
        words = words.replace("--", "-")
    return words


def search_folders(path: Iterable[str]) -> tuple[str, ...]:
    """The absolute entries of `path`, each once.

    The empty entry and relative ones are left out: what is a plugin must not
    depend on the folder that a command happens to be run in.
    """
    return tuple(dict.fromkeys(entry for entry in path if entry.startswith("/")))


def scan_folder(
    folder: str,
    known: Mapping[str, list[int]],
    started_ns: int,
    wanted: Wanted = OURS,
) -> tuple[list[Distribution], Memo]:
    """The distributions in `folder` that claim a plugin, and a memo of the others.

    `known` is the memo of an earlier scan: what is unchanged is not read again.
    A folder that is missing or cannot be listed holds nothing.

    Raises:
        HostExhaustedError: If this process can open no more files.
    """
    found: list[Distribution] = []
    memo: Memo = {}
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.name.endswith("-info"))
    except OSError as error:
        check_exhausted(error, folder)
        return found, memo
    for name in names:
        if not name.endswith((".dist-info", ".egg-info")) or name.startswith("~"):
            continue  # pip renames what it is removing to "~name"
        where = f"{folder}/{name}"
        # Taken before the file is read: what changes it meanwhile changes them.
        mark, file_mark = stamp(where), stamp(f"{where}/entry_points.txt")
        marks = [*mark, *file_mark]
        if known.get(name) == marks:
            memo[name] = marks
            continue
        entry_points, trouble = _entries(f"{where}/entry_points.txt", file_mark, wanted)
        if entry_points or trouble:
            label, version = _name_and_version(name)
            found.append(Distribution(where, label, version, entry_points, trouble))
        else:
            memo[name] = [*settled(mark, started_ns), *settled(file_mark, started_ns)]
    return found, memo


def _entries(
    path: str, mark: Stamp, wanted: Wanted
) -> tuple[tuple[EntryPoint, ...], str]:
    """The entry points in the file at `path`, and why they could not be read."""
    if mark == ABSENT and not os.path.islink(path):  # noqa: PTH114
        return (), ""
    try:
        raw = read_bounded(path, _ENTRY_POINTS_LIMIT_BYTES)
        return parse_entry_points(raw, wanted), ""
    except UnreadableError as error:
        return (), f"entry_points.txt {error}"
    except ValueError as error:
        return (), str(error)


def _name_and_version(folder: str) -> tuple[str, str]:
    stem = folder.rpartition(".")[0]
    name, _, version = stem.partition("-")
    return normalised(name) or stem or folder, version

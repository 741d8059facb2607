"""Reading back what a program left in its folder, whatever it left there.

The folder is hostile: sparse files, endless depth, links to anywhere, pipes.
Everything is opened relative to the folder's descriptor without following a
link, only regular files are read, and bytes, number and depth are bounded.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence

from lockgate_sandbox.errors import DiskLimitError, PolicyError

__all__ = ["DEPTH_LIMIT", "collect", "pattern_to_regex"]

DEPTH_LIMIT = 32
"""Folders deeper than this are not looked into."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: opening a named pipe would wait for its writer for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def pattern_to_regex(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``**`` crosses folders, ``*`` and ``?`` don't.

    Raises:
        PolicyError: If the pattern is absolute, empty or has a ``..`` part.
    """
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        msg = f"what is collected is named relative to the folder, not {pattern!r}"
        raise PolicyError(msg)
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(item, re.escape(item)) for item in pieces))


def _files(
    folder: int, before: str, depth: int, left: list[int]
) -> Iterator[tuple[int, str, str]]:
    """(open folder, name, path) of each thing in `folder` that is no folder."""
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            left[0] -= 1
            if left[0] < 0:
                return
            names.append(entry.name)
    for name in sorted(names):
        path = before + name
        try:
            mode = os.lstat(name, dir_fd=folder).st_mode
        except OSError:
            continue
        if not stat.S_ISDIR(mode):
            yield folder, name, path
        elif depth < DEPTH_LIMIT:
            try:
                inner = os.open(name, _FOLDER, dir_fd=folder)
            except OSError:  # made unreadable
                continue
            try:
                yield from _files(inner, path + "/", depth + 1, left)
            finally:
                os.close(inner)


def collect(
    folder: int, patterns: Sequence[str], *, bytes_limit: int, count_limit: int
) -> dict[str, bytes]:
    """The regular files below the open `folder` that match a pattern.

    Raises:
        DiskLimitError: If they are more than `bytes_limit` together; a sparse
            file counts with the size that reading it would have.
        PolicyError: If a pattern makes no sense.
    """
    wanted = [pattern_to_regex(pattern) for pattern in patterns]
    found: dict[str, bytes] = {}
    total = 0
    if not wanted:
        return found
    for where, name, path in _files(folder, "", 0, [count_limit]):
        if not any(regex.fullmatch(path) for regex in wanted):
            continue
        try:
            path.encode()
            fd = os.open(name, _FILE, dir_fd=where)
        except (OSError, UnicodeEncodeError):  # a link, unreadable, no text
            continue
        with os.fdopen(fd, "rb") as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                continue
            total += info.st_size
            if total > bytes_limit:
                raise DiskLimitError(bytes_limit, total, "bytes to collect")
            # The program is dead, so the file no longer grows.
            found[path] = file.read(info.st_size)
    return found

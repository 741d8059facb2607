"""Reading back what a program left in its folder, whatever it left there.

The folder is hostile: sparse files, endless depth, links to anywhere, pipes.
Everything is opened relative to the folder's descriptor without following a
link, only regular files are read, and bytes, number and depth are bounded.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence

from lockgate_sandbox._watch.patterns import SECONDS_LIMIT, regexes
from lockgate_sandbox.errors import DiskLimitError, LimitError, WallLimitError

__all__ = ["DEPTH_LIMIT", "collect"]

DEPTH_LIMIT = 32
"""Folders deeper than this are not looked into."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: opening a named pipe would wait for its writer for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
    folder: int,
    patterns: Sequence[str],
    *,
    bytes_limit: int,
    count_limit: int,
    error: type[LimitError] = DiskLimitError,
) -> dict[str, bytes]:
    """The regular files below the open `folder` that match a pattern.

    Raises:
        LimitError: `error`, if they are more than `bytes_limit` together; a sparse
            file counts with the size that reading it would have.
        WallLimitError: If looking through the folder takes too long.
        PolicyError: If a pattern makes no sense, or there are too many.
    """
    wanted = regexes(patterns)
    found: dict[str, bytes] = {}
    total, started = 0, time.monotonic()
    if not wanted:
        return found
    for where, name, path in _files(folder, "", 0, [count_limit]):
        seconds = time.monotonic() - started
        if seconds > SECONDS_LIMIT:
            raise WallLimitError(SECONDS_LIMIT, seconds, "s to collect")
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
                raise error(bytes_limit, total, "bytes to collect")
            # The program is dead, so the file no longer grows.
            found[path] = file.read(info.st_size)
    return found

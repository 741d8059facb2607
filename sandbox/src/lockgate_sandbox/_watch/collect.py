"""Reading back what a program left in its folder, whatever it left there.

The folder is hostile: sparse files, endless depth, links to anywhere, pipes.
Everything is opened relative to the folder's descriptor without following a
link, only regular files are read, and bytes, number and depth are bounded.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Sequence

from lockgate_sandbox.errors import DiskLimitError, PolicyError, WallLimitError

__all__ = ["DEPTH_LIMIT", "collect", "pattern_to_regex"]

DEPTH_LIMIT = 32
"""Folders deeper than this are not looked into."""

PATTERN_LIMIT_CHARS = 256
PATTERNS_LIMIT = 64
SECONDS_LIMIT = 30.0
"""Looking through a folder may take this long: nobody else bounds it."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: opening a named pipe would wait for its writer for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def pattern_to_regex(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``**`` crosses folders, ``*`` and ``?`` don't.

    A pattern may be meant to keep the host busy, so the expression never goes
    back on a choice: each part but the last one behind ``**`` is matched where it
    first fits, which loses nothing, since whatever follows could start there too.

    Raises:
        PolicyError: If the pattern is absolute, empty, too long or has a ``..``
            part.
    """
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        msg = f"what is collected is named relative to the folder, not {pattern!r}"
        raise PolicyError(msg)
    if len(pattern) > PATTERN_LIMIT_CHARS:
        msg = f"a pattern has at most {PATTERN_LIMIT_CHARS} characters"
        raise PolicyError(msg)
    leads = ["", *_DEEP.findall(pattern)]
    runs = _DEEP.split(pattern)
    regex = ""
    for lead, run in zip(leads[:-1], runs[:-1], strict=True):
        regex += f"(?>{_LAZY[lead]}{_run(run)})"
    last = _run(runs[-1], last=True)
    return re.compile(f"{regex}{_LAZY[leads[-1]]}{last}", re.DOTALL)


_DEEP = re.compile(r"(?:^|(?<=/))\*\*/|\*\*")
"""What crosses folders: any number of whole ones, or any text."""

_LAZY = {"": "", "**/": "(?:[^/]+/)*?", "**": ".*?"}


def _run(glob: str, *, last: bool = False) -> str:
    """The expression of a part without ``**``."""
    first, *rest = ("[^/]".join(map(re.escape, s.split("?"))) for s in glob.split("*"))
    if last and rest:
        *rest, end = rest
        return first + "".join(f"(?>[^/]*?{part})" for part in rest) + f"[^/]*{end}"
    return first + "".join(f"(?>[^/]*?{part})" for part in rest)


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
        WallLimitError: If looking through the folder takes too long.
        PolicyError: If a pattern makes no sense, or there are too many.
    """
    if len(patterns) > PATTERNS_LIMIT:
        msg = f"at most {PATTERNS_LIMIT} patterns, not {len(patterns)}"
        raise PolicyError(msg)
    wanted = [pattern_to_regex(pattern) for pattern in patterns]
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
                raise DiskLimitError(bytes_limit, total, "bytes to collect")
            # The program is dead, so the file no longer grows.
            found[path] = file.read(info.st_size)
    return found

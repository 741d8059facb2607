"""Reading files that somebody else put there: bounded, and never by surprise.

Nothing here blocks on a FIFO, follows a symlink loop, reads a device, or takes
more bytes than asked for. Standard library only, and little of it: this is on
the path of every command.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TypeAlias

__all__ = [
    "ABSENT",
    "Stamp",
    "UnreadableError",
    "check_exhausted",
    "read_bounded",
    "read_opened",
    "settled",
    "stamp",
    "stamp_fresh",
]

Stamp: TypeAlias = "tuple[int, int, int]"
"""Modification time (nanoseconds), size (bytes), inode: equal means unchanged."""

ABSENT: Stamp = (0, 0, 0)
"""The stamp of what is not there: appearing is a change too."""

_RACY: Stamp = (-1, 0, 0)
"""A stamp that no file has, so that what carries it is looked at again."""

_RACY_NANOSECONDS = 40_000_000
"""A file's clock ticks in steps (up to 10 ms on common kernels): two changes
within one step leave one time. What changed this shortly before it was read is
not believed to be unchanged the next time."""


class UnreadableError(Exception):
    """Why a file was not read; the text continues "the file ..."."""


def stamp(path: str) -> Stamp:
    """The stamp of `path` (symlinks followed), or `ABSENT`."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
    except (OSError, ValueError):
        return ABSENT
    return status.st_mtime_ns, status.st_size, status.st_ino


def stamp_fresh(path: str, started_ns: int) -> Stamp:
    """The stamp of what was read since `started_ns` (`time.time_ns`).

    One that changed too shortly before to tell a second change apart gets a
    stamp that never matches.
    """
    return settled(stamp(path), started_ns)


def settled(mark: Stamp, started_ns: int) -> Stamp:
    """`mark`, taken since `started_ns`, or if it is too new one that never matches."""
    return _RACY if mark[0] > started_ns - _RACY_NANOSECONDS else mark


def read_bounded(path: str, limit: int) -> bytes:
    """The bytes of the regular file `path`, if there are at most `limit`.

    Raises:
        UnreadableError: If it is missing, no regular file, unreadable or larger.
        HostExhaustedError: If this process can open no more files.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UnreadableError("is missing") from None
    except OSError as error:
        check_exhausted(error, path)
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"cannot be read: {error}") from None
    return read_opened(handle, limit)


_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def check_exhausted(error: OSError, path: str) -> None:
    """See whether `error` is about this process, and tells nothing about `path`.

    Raises:
        HostExhaustedError: If it is.
    """
    if error.errno in _EXHAUSTED:
        from lockgate.errors import HostExhaustedError

        raise HostExhaustedError.of(error, f"read {path}") from None


def read_opened(handle: int, limit: int) -> bytes:
    """`read_bounded` of what is open, which is closed then.

    Raises:
        UnreadableError: As `read_bounded` does.
    """
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        if status.st_size > limit:
            raise UnreadableError(f"is larger than {limit // 1024} KiB")
        return _read_all(handle, limit)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(handle)


def _read_all(handle: int, limit: int) -> bytes:
    # One byte over the limit tells a file that grew (or a /proc file of size 0).
    pieces: list[bytes] = []
    left = limit + 1
    while left > 0 and (piece := os.read(handle, left)):
        pieces.append(piece)
        left -= len(piece)
    if left == 0:
        raise UnreadableError(f"is larger than {limit // 1024} KiB")
    return b"".join(pieces)

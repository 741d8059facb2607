"""Room in a scratch folder that no file system bounds: files exactly, bytes soon.

Where no tmpfs of its own can be mounted, the warden is asked before each file,
folder or link is made (`_seal.counter`). It grants as many as there was room for at its
last look, and looks again when they are used up, so that what was removed
meanwhile gives its room back. Bytes nobody asks for: RLIMIT_FSIZE bounds each
file, and a look every quarter of a second bounds what all of them hold.

Whoever renames is stopped for the moment of a look. Looks take a tenth of the time at
most: who is told that there is no room asks again and again, and a look costs more than
the question does.
"""

from __future__ import annotations

import _thread
import errno
import os
import time

from lockgate_sandbox._watch import scratch
from lockgate_sandbox._watch.still import Still

__all__ = ["LOOK_SECONDS", "FileRoom"]

LOOK_SECONDS = 0.25
"""How often to look at the bytes; what is written meanwhile is too much at most."""

_SETTLE_SECONDS = 0.1
"""How long a granted call may take until what it did is seen, unless its thread
asks again before: then it is done."""

_PAUSE_SECONDS = 0.002

_REMEMBERED = 1024
"""Threads with a call under way; of more the old ones are forgotten."""

_TRIES = 20
"""Looks at a tree that does not stand still; then it gets no more files."""

_PATIENCE = 10
"""A look may take one of so many parts of the time."""


class FileRoom:
    """Knows whether one more file fits below an open folder; owns the descriptor.

    What is below the calling process makes them. One thread asks; another one may
    look at the bytes meanwhile. `refused` holds the names of the limits that something
    was refused for.
    """

    def __init__(self, folder: int, bytes_limit: int, inodes_limit: int) -> None:
        self._path = f"/proc/self/fd/{folder}"
        self._bytes_limit = bytes_limit
        self._inodes_limit = inodes_limit
        self._left = 0
        self._making: dict[int, float] = {}
        self._looking = _thread.allocate_lock()
        self._root = os.getpid()
        self._asker = 0
        self._moved = False
        self._due = self._rested = 0.0
        self._too_many_bytes = False
        self.refused: set[str] = set()

    def ask(self, thread: int) -> int:
        """Grant one more file, folder or link: 0, or the errno to refuse it with.

        Nobody else may create or rename while it looks: the caller answers one
        question at a time.
        """
        self._making.pop(thread, None)
        self._asker = thread
        if self._left <= 0:
            self._recount()
        self._asker = 0
        if self._too_many_bytes:
            self.refused.add("disk_bytes")
            return errno.ENOSPC
        if self._left <= 0:
            self.refused.add("inodes")
            return errno.EDQUOT
        self._left -= 1
        self._making = _noted(self._making, thread)
        return 0

    def move(self, thread: int) -> None:
        """Note that `thread` is about to rename something; not while anybody looks."""
        self._asker = thread
        with self._looking:
            self._moved = True
            self._asker = 0

    def _recount(self) -> None:
        """Find out how many more may be made, none of those under way forgotten."""
        restless = 0
        while restless < _TRIES:
            time.sleep(max(0.0, self._rested - time.monotonic()))
            self._making = _recent(self._making)
            inodes, still = self._look()
            self._left = self._inodes_limit - inodes - len(self._making)
            if not still:
                restless += 1
            elif self._left > 0 or inodes >= self._inodes_limit:
                return
            time.sleep(_PAUSE_SECONDS)
        self._left = 0

    def is_due(self) -> bool:
        """Whether it is time to look at the bytes again."""
        return time.monotonic() >= self._due

    def overflows(self) -> bool:
        """Look whether the files hold too many bytes."""
        self._look()
        if self._too_many_bytes:
            self.refused.add("disk_bytes")
        return self._too_many_bytes

    def _look(self) -> tuple[int, bool]:
        """How many files there are, and whether they held still meanwhile."""
        with self._looking:
            started = time.thread_time()
            held, inodes = self._measure()
            now = time.monotonic()
            self._rested = now + _PATIENCE * (time.thread_time() - started)
            self._due = max(now + LOOK_SECONDS, self._rested)
            self._too_many_bytes = held > self._bytes_limit
            return inodes, not self._moved

    def _measure(self) -> tuple[int, int]:
        if not self._moved:
            return self._counted()
        # A folder on its way could be missed or found twice.
        with Still(self._root, lambda: self._asker) as still:
            self._moved = not still
            return self._counted()

    def _counted(self) -> tuple[int, int]:
        """What there is; too much if there is no descriptor left to look with."""
        limits = self._bytes_limit, self._inodes_limit
        try:
            return scratch.measure(self._path, *limits)
        except OSError:
            return limits[0] + 1, limits[1] + 1


def _noted(calls: dict[int, float], thread: int) -> dict[int, float]:
    """`calls` under way with one more of `thread`."""
    calls[thread] = time.monotonic()
    return _recent(calls) if len(calls) > _REMEMBERED else calls


def _recent(calls: dict[int, float]) -> dict[int, float]:
    since = time.monotonic() - _SETTLE_SECONDS
    return {thread: when for thread, when in calls.items() if when > since}

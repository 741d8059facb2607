"""Counting a tree's processes where no limit of the kernel's does, or tells nobody.

uid 0 is bound by no RLIMIT_NPROC, and an ordinary user's counts all that the user runs.
Where a worker has neither a uid or user namespace of its own nor a control group, the
warden is asked before each start of a process or a thread (`_seal.counter`) and looks
into ``/proc`` for how many there are.
"""

# /proc is read for every fork: no pathlib.
# ruff: noqa: PTH208

from __future__ import annotations

import errno
import os
import time

from lockgate_sandbox._watch import tree

__all__ = ["TaskRoom", "fill_their_limit"]

_SETTLE_TICKS = 10
"""Ticks of a processor (sysconf: mostly 10 ms) that a thread may run for until a start
that it was granted is done. Not seconds: who asks may have itself kept from running."""

_PATIENCE_SECONDS = 5.0
"""How long to wait for starts under way; who still waits for theirs then is refused."""

_PAUSE_SECONDS = 0.002

_REST = 9
"""A look that did not end with a grant is followed by a rest of so many times its own
time: who is refused asks again and again, and a look costs far more than the question
does. No limit counts what the warden runs for."""

_RESTING = b"STtZXx"
"""States of a thread (proc_pid_stat(5)) that is in no call that starts something: there
it runs, waits to run, or waits so that nothing wakes it before it is done (D)."""


class TaskRoom:
    """Knows whether one more task fits below the calling process.

    `refused` says that one did not.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._granted: dict[int, int] = {}
        self._rested = 0.0
        self._over = False
        self.refused = False

    def end(self) -> None:
        """Refuse whatever is asked for from now on: the tree is being killed."""
        self._over = True

    def ask(self, thread: int) -> int:
        """Grant `thread` one more start: 0, or the errno to refuse it with."""
        # It asks again, so what it was granted before is done.
        self._granted.pop(thread, None)
        if not self._has_room(str(thread)):
            # Nobody hears what is answered to one that died meanwhile.
            self.refused = self.refused or _is_there(thread)
            return errno.EAGAIN
        self._granted[thread] = _ticks(thread)
        return 0

    def _has_room(self, asker: str) -> bool:
        """Whether one more fits; waits where that only depends on starts under way.

        A look that misses who asks has missed more: there is no descriptor left to
        look with, or what was looked at moved meanwhile.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self._over:
            time.sleep(max(0.0, self._rested - time.monotonic()))
            started = time.thread_time()
            # First: what is done by now is seen below.
            self._granted = _under_way(self._granted)
            tasks = _tasks()
            under_way = len(self._granted)
            if tasks and asker in tasks and len(tasks) + under_way < self._limit:
                return True
            now = time.monotonic()
            self._rested = now + _REST * (time.thread_time() - started)
            if tasks is None or len(tasks) >= self._limit or now > until:
                return False
            if not _is_there(asker):
                return False
            time.sleep(_PAUSE_SECONDS)
        return False


def _is_there(thread: int | str) -> bool:
    return os.path.exists(f"/proc/{thread}")  # noqa: PTH110 - opens nothing


def _under_way(granted: dict[int, int]) -> dict[int, int]:
    """Of the threads that were `granted` a start, those that may still be at it."""
    found: dict[int, int] = {}
    for thread, ticks in granted.items():
        fields = _stat(thread)
        if (
            fields
            and fields[0] not in _RESTING
            and _sum(fields) - ticks < _SETTLE_TICKS
        ):
            found[thread] = ticks
    return found


def _ticks(thread: int) -> int:
    """How long `thread` has run."""
    fields = _stat(thread)
    return _sum(fields) if fields else 0


def _sum(fields: list[bytes]) -> int:
    return int(fields[11]) + int(fields[12])  # utime, stime


def _stat(thread: int) -> list[bytes]:
    """The fields of its stat from the third (state) on; none if it is gone."""
    try:
        # By this way: a number that is no process's own is told of alone there.
        with open(f"/proc/{thread}/task/{thread}/stat", "rb", 0) as file:  # noqa: PTH123
            return file.read(1024).rpartition(b")")[2].split()
    except OSError:
        return []


def fill_their_limit() -> bool:
    """Whether what is below this process, and one that has ended, is all there may be.

    RLIMIT_NPROC refuses a start without a word to anybody but its caller.
    """
    tasks = _tasks() or set[str]()
    return bool(tasks) and len(tasks) + 1 >= _limit_of(tasks)


def _limit_of(tasks: set[str]) -> float:
    """RLIMIT_NPROC of the first of them that still tells; infinite without one."""
    for task in tasks:
        try:
            with open(f"/proc/{task}/limits", "rb") as file:  # noqa: PTH123
                soft = file.read().partition(b"\nMax processes")[2].split(None, 1)[0]
        except (OSError, IndexError):
            continue
        return int(soft) if soft.isdigit() else float("inf")
    return float("inf")


def _tasks() -> set[str] | None:
    """The ids of all threads of all processes below this one; None if some are hidden.

    Looked for twice: a process whose parent dies during the first walk may be
    missed by it, and has its new parent, this process, in the second.
    """
    found: set[str] = set()
    for _ in range(2):
        for pid in tree.descendants(os.getpid()):
            try:
                found.update(os.listdir(f"/proc/{pid}/task"))
            except OSError:
                if tree.is_hidden(pid):
                    return None
    return found

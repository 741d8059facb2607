"""Counting a tree's processes where no limit of the kernel's does, or tells nobody.

uid 0 is bound by no RLIMIT_NPROC. Where it can have neither a uid of its own nor a
control group, the warden is asked before each start of a process or a thread
(`_seal.counter`) and looks into ``/proc`` for how many there are.
"""

# /proc is read for every fork: no pathlib.
# ruff: noqa: PTH208

from __future__ import annotations

import errno
import os
import time

from lockgate_sandbox._watch import tree

__all__ = ["TaskRoom", "fill_their_limit"]

_SETTLE_SECONDS = 0.05
"""How long a granted start may take until it is seen; then it has failed or ended."""

_PAUSE_SECONDS = 0.002


class TaskRoom:
    """Knows whether one more task fits below the calling process.

    `refused` says that one did not.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()
        self._granted: list[float] = []
        self._over = False
        self.refused = False

    def end(self) -> None:
        """Refuse whatever is asked for from now on: the tree is being killed."""
        self._over = True

    def ask(self) -> int:
        """Grant one more start: 0, or the errno to refuse it with."""
        if not self._has_room():
            self.refused = True
            return errno.EAGAIN
        self._granted.append(time.monotonic())
        return 0

    def _has_room(self) -> bool:
        """Whether one more fits; waits where that only depends on starts under way."""
        while not self._over:
            tasks = _tasks()
            if tasks is None:
                return False
            # Whatever is new was granted before, in the order of the grants.
            del self._granted[: len(tasks - self._seen)]
            self._seen = tasks
            if len(tasks) >= self._limit:
                return False
            since = time.monotonic() - _SETTLE_SECONDS
            self._granted = [when for when in self._granted if when > since]
            if len(tasks) + len(self._granted) < self._limit:
                return True
            time.sleep(_PAUSE_SECONDS)
        return False


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

"""A tree that holds still while somebody looks at the files that it makes.

A folder that moves while its neighbours are read is missed or found twice, and a
worker can keep one moving. So it is stopped for the moment of a look. What it had
begun is done by then: a process stops where it leaves the kernel.
"""

# Runs in wardens, which do without pathlib and contextlib.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
import time

from lockgate_sandbox._watch import tree
from lockgate_sandbox.linux import pidfd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Still"]

_SIGCONT = 18
_SIGSTOP = 19

_SECONDS = 0.25
"""How long to wait for what is in the middle of a call. A parent in vfork(2) stays
there as long as its child is stopped, and does nothing meanwhile."""

_PAUSE_SECONDS = 0.0005
_STOPPED = (b"T", b"t", b"Z", b"X")  # or traced, or dead: proc_pid_stat(5)


def _nobody() -> int:
    return 0


class Still:
    """Stops everything below the process `root`, and lets it go on.

    Entered it says whether all of it has stopped. What had before stays stopped.
    `asker` names a thread that waits for the caller's own answer, and so can't stop
    nor do anything else.
    """

    def __init__(self, root: int, asker: Callable[[], int] = _nobody) -> None:
        self._asker = asker
        self._tree = {root}
        self._root = root
        self._stopped: list[int] = []  # descriptors: to let go on takes no new one

    def __enter__(self) -> bool:
        try:
            return self._all_rest()
        except BaseException:  # then nobody calls __exit__
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        # Children first: a shell that goes on before them would see them stopped.
        while self._stopped:
            fd = self._stopped.pop()
            pidfd.tell(fd, _SIGCONT)
            os.close(fd)

    def _all_rest(self) -> bool:
        until = time.monotonic() + _SECONDS
        quiet = True
        while fresh := self._fresh():
            if time.monotonic() > until:  # it forks faster than it can be stopped
                return False
            self._tree.update(fresh)
            for pid in fresh:
                self._stop(pid)
            while not (quiet := all(map(self._rests, fresh))):
                if time.monotonic() > until:
                    return False
                time.sleep(_PAUSE_SECONDS)
        return quiet

    def _fresh(self) -> list[int]:
        found = tree.descendants(self._root)
        return [pid for pid in found if pid not in self._tree]

    def _stop(self, pid: int) -> None:
        if self._rests(pid):
            return
        fd = pidfd.hold(pid, lambda one: tree.parent_of(one) in self._tree)
        if fd >= 0:
            self._stopped.append(fd)
            pidfd.tell(fd, _SIGSTOP)

    def _rests(self, pid: int) -> bool:
        """Whether no thread of `pid` is at anything."""
        try:
            threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
        except OSError:  # gone
            return True
        return all(
            thread == self._asker() or _state(pid, thread) in _STOPPED
            for thread in threads
        )


def _state(pid: int, thread: int) -> bytes:
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
            return file.read(1024).rpartition(b")")[2].split(None, 1)[0]
    except (OSError, IndexError):  # gone
        return b"X"

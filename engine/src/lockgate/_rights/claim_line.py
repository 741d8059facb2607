"""Who waits for a busy device: a line that all hosts of a user stand in.

Each who waits has a ticket, a file that it holds the lock of: the kernel takes the lock
away from a host that dies, so nobody waits for the dead. Tickets are served by the
clock that all processes of a machine share (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["Line"]

_number = itertools.count()


class Line:
    """One's own place in the line for the device `key`; none before `stand`."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._key = key
        self._ticket: Path | None = None
        self._fd = -1

    def stand(self) -> None:
        """Take a ticket, if there is none yet.

        Raises:
            OSError: If it can't be written.
        """
        if self._ticket is not None:
            return
        mine = f"{time.monotonic_ns():020d}.{os.getpid()}-{next(_number)}"
        aside = self._folder / f".{mine}.new"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(aside, flags, 0o600)
        # Locked before anybody sees it: an open ticket is a dead one's.
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._ticket = aside.rename(self._folder / f"{self._key}.{mine}.ticket")

    def others_first(self) -> bool:
        """Whether somebody alive stands before oneself."""
        tickets = sorted(self._folder.glob(f"{self._key}.*.ticket"))
        for ticket in tickets:
            if ticket == self._ticket:
                return False
            if _alive(ticket):
                return True
        return False

    def leave(self) -> None:
        """Give the ticket back; may be repeated."""
        if self._ticket is not None:
            self._ticket.unlink(missing_ok=True)
            os.close(self._fd)
            self._ticket, self._fd = None, -1


def _alive(ticket: Path) -> bool:
    """Whether its owner lives; a dead one's ticket is taken away."""
    try:
        fd = os.open(ticket, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        with suppress(OSError):
            ticket.unlink()
        return False
    finally:
        os.close(fd)

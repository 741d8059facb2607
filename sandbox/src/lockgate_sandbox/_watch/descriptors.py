"""How many descriptors the host has left, and how many it keeps back.

Each worker takes some of its host, and each connection that a broker makes for one two
more: a few workers can ask for all that a process may open. A host with none left
could not start anything, nor look at what the workers it has are using. So whoever
opens something on a worker's behalf asks here first, and a few are never given away.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

from lockgate_sandbox.errors import HostDescriptorsError

__all__ = [
    "CHILD_DESCRIPTORS",
    "NURSERY_DESCRIPTORS",
    "RESERVE",
    "has_room",
    "room_for",
]

RESERVE = 64
"""What is kept back; of a host that may open few, a quarter."""

CHILD_DESCRIPTORS = 12
"""What a child takes of its host while it starts; it keeps half of them."""

NURSERY_DESCRIPTORS = 16
"""What a sandbox takes while its keeper starts."""

_FOLDER = "/proc/self/fd"


class _Pending:
    """Descriptors that are about to be opened, by all threads."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """None of them, and no thread that waits."""
        self.lock = threading.Lock()
        self.count = 0


_pending = _Pending()
# A forked copy of the host has none of its threads.
os.register_at_fork(after_in_child=_pending.begin)


@contextmanager
def room_for(need: int, what: str) -> Generator[None]:
    """Open up to `need` descriptors for `what` inside the ``with`` block.

    Raises:
        HostDescriptorsError: If that would leave too few.
    """
    with _pending.lock:
        limit, used = _limit(), _used() + _pending.count
        if used + need > limit - _kept(limit):
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            raise HostDescriptorsError(
                what, limit=limit, used=used, need=need, kept=_kept(limit), hard=hard
            )
        _pending.count += need
    try:
        yield
    finally:
        with _pending.lock:
            _pending.count -= need


def has_room(need: int) -> bool:
    """Whether `room_for` would let as many be opened."""
    limit = _limit()
    with _pending.lock:
        return _used() + _pending.count + need <= limit - _kept(limit)


def _limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _kept(limit: int) -> int:
    return min(RESERVE, limit // 4)


def _used() -> int:
    """How many this process has open."""
    # Since Linux 6.2 that is the folder's size; before, it is 0.
    return os.stat(_FOLDER).st_size or len(os.listdir(_FOLDER)) - 1  # noqa: PTH116, PTH208 - for every start

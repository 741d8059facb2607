"""Forked copies of the host, whose parent's workers are none of theirs.

Both would write to one socket, read from it, and have the same ids to give away
(`Flights.ids`): each could be given the other's answer. So a copy lets go of every
worker before it runs on, and its parent's workers notice nothing.

It also lets go of what no line, program or sandbox has taken over yet, because another
thread was in the middle of a start: with a keeper's leash, say, a copy would keep that
keeper, its zygote and its folder when the parent has ended. So it does of a broker's
connections, which would not end for the other side when the parent ends them.
"""

from __future__ import annotations

import os
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

__all__ = ["alone", "none_made", "pair", "watch"]


class Open(Protocol):
    """A socket, or what else has a descriptor."""

    def close(self) -> None: ...


_OpenT = TypeVar("_OpenT", bound=Open)


class Held(Protocol):
    """The line of a worker, or what attends a program."""

    def disown(self) -> None: ...


_LINES: weakref.WeakSet[Held] = weakref.WeakSet()
_ENDS: set[weakref.ref[Open]] = set()  # a WeakSet is several times as slow

none_made = threading.RLock()
"""No copy is forked while this is held: between making descriptors and noting them."""


def watch(line: Held) -> None:
    """Have `line` let go of its process in a copy that is forked from now on."""
    _LINES.add(line)


def pair(kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    """A pair of unix sockets that no copy has open."""
    with none_made:
        ends = socket.socketpair(socket.AF_UNIX, kind)
        for end in ends:
            _ENDS.add(weakref.ref(end, _ENDS.discard))
    return ends


def alone(make: Callable[[], _OpenT]) -> _OpenT:
    """What `make` opens, which no copy has open. It must not wait for anything."""
    with none_made:
        end = make()
        _ENDS.add(weakref.ref(end, _ENDS.discard))
    return end


def _disown() -> None:
    try:
        for known in list(_ENDS):
            end = known()
            if end is not None:
                with suppress(OSError):
                    end.close()
        for line in list(_LINES):
            # One that another thread was closing must not keep any other.
            with suppress(OSError):
                line.disown()
    finally:
        _ENDS.clear()
        _LINES.clear()
        none_made.release()


os.register_at_fork(
    before=none_made.acquire,
    after_in_parent=none_made.release,
    after_in_child=_disown,
)

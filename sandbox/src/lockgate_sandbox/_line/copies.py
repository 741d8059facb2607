"""Forked copies of the host, whose parent's workers are none of theirs.

Both would write to one socket, read from it, and have the same ids to give away
(`Flights.ids`): each could be given the other's answer. So a copy lets go of every
worker before it runs on, and its parent's workers notice nothing.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["watch"]


class Held(Protocol):
    """The line of a worker, or what attends a program."""

    def disown(self) -> None: ...


_LINES: weakref.WeakSet[Held] = weakref.WeakSet()


def watch(line: Held) -> None:
    """Have `line` let go of its process in a copy that is forked from now on."""
    _LINES.add(line)


def _disown() -> None:
    for line in list(_LINES):
        line.disown()
    _LINES.clear()


os.register_at_fork(after_in_child=_disown)

"""`threading` in a zygote with foreign code: what it does after a fork, done before.

In each forked child `threading` makes its locks anew and forgets the threads that are
not there, for which the child copies some thirty pages. Where the forking process has
no other thread, and did that work itself, there is nothing that a child would change.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sized
    from typing import Any

__all__ = ["claim", "fork", "settle"]

_fork = os.fork
_running = sys._current_frames  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
"""Every thread that runs Python now, also one that a library in C has made."""

_claimed: list[Callable[[], object]] = []
"""What `threading` does in a forked child."""
_known: list[Sized] = []
"""The threads that `threading` knows of."""
_settled = [False]
"""Whether the next child has nothing to do."""


def claim() -> None:
    """Import `threading`, so that what it does in a child can be left out.

    Who comes later than somebody else's import claims nothing.
    """
    if "threading" in sys.modules:
        return
    register = os.register_at_fork

    def catch(**hooks: Any) -> None:
        if list(hooks) == ["after_in_child"]:
            _claimed.append(hooks["after_in_child"])
            hooks["after_in_child"] = _be_forked
        register(**hooks)

    names = os.__dict__
    names["register_at_fork"] = catch
    try:
        module = import_module("threading")
    finally:
        names["register_at_fork"] = register
    _known.append(getattr(module, "_active", ()))


def _be_forked() -> None:
    if _settled[0]:
        _settled[0] = False  # for what this process forks nothing was prepared
    else:
        for work in _claimed:
            work()


def _alone() -> bool:
    return len(_running()) == 1 and len(_known[0]) == 1


def settle() -> bool:
    """Do it now, if no other thread runs; whether the children need not."""
    if _claimed and _alone():
        for work in _claimed:
            work()
        _settled[0] = True
    return _settled[0]


def fork() -> int:
    """`os.fork`, of a process that has settled or not.

    Raises:
        OSError: As that does.
    """
    if _settled[0] and not _alone():  # somebody has begun one since
        _settled[0] = False
    return _fork()

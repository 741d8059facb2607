"""Signals that reach the process that was meant, or nobody (pidfd_open(2))."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hold", "send", "tell"]


def hold(pid: int, still: Callable[[int], bool]) -> int:
    """A descriptor of `pid`, if it is `still` the one that was meant; else -1.

    A number that was read a moment ago may by now be another process's, anybody's.
    So it is turned into a descriptor first and looked at second: if the process
    dies in between, a signal goes nowhere, whoever has the number then.
    """
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return -1
    try:
        meant = still(pid)
    except OSError:
        meant = False
    if meant:
        return fd
    os.close(fd)
    return -1


def tell(fd: int, number: int) -> bool:
    """Send a signal to the process of `fd`; whether it was there."""
    # Here: it brings enum along, which a child that never kills goes without.
    import signal

    try:
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    return True


def send(pid: int, number: int, still: Callable[[int], bool]) -> bool:
    """Send a signal to `pid` if it is `still` who was meant; whether it was there."""
    fd = hold(pid, still)
    if fd < 0:
        return False
    try:
        return tell(fd, number)
    finally:
        os.close(fd)

"""Signals that reach the process that was meant, or nobody (pidfd_open(2))."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["send"]


def send(pid: int, number: int, still: Callable[[int], bool]) -> bool:
    """Send a signal to `pid` if it is `still` the one that was meant; whether it was.

    A number that was read a moment ago may by now be another process's, anybody's.
    So it is turned into a descriptor first and looked at second: if the process
    dies in between, the signal goes nowhere, whoever has the number then.
    """
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not still(pid):
            return False
        # Here: it brings enum along, which a child that never kills goes without.
        import signal

        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True

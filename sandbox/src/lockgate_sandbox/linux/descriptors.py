"""File descriptors: what a process inherited is a right that nobody granted."""

from __future__ import annotations

import ctypes
import os
import struct

from lockgate_sandbox.linux._libc import NUMBERS, carry_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["close_all_but", "close_others", "close_packed"]

# Where there is no such call, the kernel says so (ENOSYS).
_CLOSE_RANGE = "close_range", (ctypes.c_long(NUMBERS.get("close_range", -1)),)
_LAST = (1 << 31) - 1
"""No descriptor has a larger number: the kernel counts them by ints."""


def close_others(keep: Iterable[int]) -> None:
    """Close every descriptor from 3 up that is not in `keep`.

    Raises:
        OSError: If the kernel has no close_range (before Linux 5.9).
    """
    close_all_but(*sorted({fd for fd in keep if fd > 2}))


def close_all_but(*keep: int) -> None:
    """`close_others` of numbers from 3 up that ascend: a child just forked has no more.

    Raises:
        OSError: If the kernel has no close_range (before Linux 5.9).
    """
    first = 3
    for fd in keep:
        if fd > first:
            carry_out(_CLOSE_RANGE, first, fd - 1, 0)
        first = fd + 1
    carry_out(_CLOSE_RANGE, first, _LAST, 0)


def close_packed(packed: bytes) -> None:
    """Close what came as ancillary data, in part or whole."""
    for (fd,) in struct.iter_unpack("i", packed):
        os.close(fd)

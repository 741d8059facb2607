"""File descriptors: what a process inherited is a right that nobody granted."""

from __future__ import annotations

import os
import struct

from lockgate_sandbox.linux._libc import syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["close_others", "close_packed"]

_LAST = 0xFFFFFFFF


def close_others(keep: Iterable[int]) -> None:
    """Close every descriptor from 3 up that is not in `keep`.

    Raises:
        OSError: If the kernel has no close_range (before Linux 5.9).
    """
    first = 3
    for fd in sorted(set(keep)):
        if fd < first:
            continue
        if fd > first:
            syscall("close_range", first, fd - 1, 0)
        first = fd + 1
    syscall("close_range", first, _LAST, 0)


def close_packed(packed: bytes) -> None:
    """Close what came as ancillary data, in part or whole."""
    for (fd,) in struct.iter_unpack("i", packed):
        os.close(fd)

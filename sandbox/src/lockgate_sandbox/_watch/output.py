"""What a worker prints: drained without ever blocking it for long, and bounded."""

from __future__ import annotations

import os
from fcntl import ioctl
from termios import FIONREAD
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import OutputLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Output"]

_READ_BYTES = 65_536
_READS_AT_ONCE = 64
"""More than a pipe holds (1 MiB, if its writer asks for it); then deadlines are looked
at, however many go on writing."""

_NOTHING = bytearray(4)
_FLOOD_FACTOR = 16
_FLOOD_BYTES = 1 << 20
"""Beyond ``max(_FLOOD_BYTES, _FLOOD_FACTOR * limit)`` between two replies output
is no longer dropped politely: reading it costs the host."""


class Output:
    """The reading end of a worker's standard output; owns the descriptor.

    The first `limit` bytes since the last `take` are kept, the rest is dropped
    and counted. While there is a `tap` it is given all that `take` will give, as soon
    as it is known.
    """

    def __init__(self, fd: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._limit = limit
        self._flood = max(_FLOOD_BYTES, _FLOOD_FACTOR * limit)
        self._kept = bytearray()
        self._room = bytearray(4)
        self._seen = 0
        self.total = 0
        self.tap: Callable[[bytes], object] | None = None

    def listen(self, tap: Callable[[bytes], object]) -> None:
        """Let `tap` have what is kept, and whatever will be."""
        self.tap = tap
        if self._kept:
            tap(bytes(self._kept))

    def waiting(self) -> bool:
        """Whether there is something to read: one quick call (FIONREAD)."""
        if self.fd < 0:
            return False
        ioctl(self.fd, FIONREAD, self._room)
        return self._room != _NOTHING

    def drain(self) -> bool:
        """Read what is there, a pipe's worth at least; false once no writer is left.

        Raises:
            OutputLimitError: If this is a flood.
        """
        for _ in range(_READS_AT_ONCE):
            if self.fd < 0:
                return False
            try:
                data = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                self.close()
                return False
            self._seen += len(data)
            self.total += len(data)
            kept = data[: max(0, self._limit - len(self._kept))]
            self._kept += kept
            if kept and self.tap is not None:
                self.tap(kept)
            if self._seen > self._flood:
                raise OutputLimitError(self._limit, self._seen, "bytes")
        return True

    def take(self) -> bytes:
        """What was kept since the last time, with a marker if that is not all."""
        if not self._seen:
            return b""
        kept, dropped = bytes(self._kept), self._seen - len(self._kept)
        self._kept.clear()
        self._seen = 0
        if dropped:
            marker = b"\n[output truncated: %d bytes dropped]\n" % dropped
            kept += marker
            if self.tap is not None:
                self.tap(marker)
        return kept

    def close(self) -> None:
        """Close the descriptor; a writer gets a broken pipe."""
        fd, self.fd = self.fd, -1  # first: a copy forked meanwhile must not, too
        if fd >= 0:
            os.close(fd)

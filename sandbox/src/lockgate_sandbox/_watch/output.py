"""What a worker prints: drained without ever blocking it for long, and bounded."""

from __future__ import annotations

import os
from fcntl import ioctl
from termios import FIONREAD

from lockgate_sandbox.errors import OutputLimitError

__all__ = ["Output"]

_READ_BYTES = 65_536
_NOTHING = bytearray(4)
_FLOOD_FACTOR = 16
_FLOOD_BYTES = 1 << 20
"""Beyond ``max(_FLOOD_BYTES, _FLOOD_FACTOR * limit)`` between two replies output
is no longer dropped politely: reading it costs the host."""


class Output:
    """The reading end of a worker's standard output; owns the descriptor.

    The first `limit` bytes since the last `take` are kept, the rest is dropped
    and counted.
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

    def waiting(self) -> bool:
        """Whether there is something to read: one quick call (FIONREAD)."""
        if self.fd < 0:
            return False
        ioctl(self.fd, FIONREAD, self._room)
        return self._room != _NOTHING

    def drain(self) -> bool:
        """Read what is there; false once every writer is gone.

        Raises:
            OutputLimitError: If this is a flood.
        """
        while self.fd >= 0:
            try:
                data = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                self.close()
                return False
            self._seen += len(data)
            self.total += len(data)
            self._kept += data[: max(0, self._limit - len(self._kept))]
            if self._seen > self._flood:
                raise OutputLimitError(self._limit, self._seen, "bytes")
        return False

    def take(self) -> bytes:
        """What was kept since the last time, with a marker if that is not all."""
        if not self._seen:
            return b""
        kept, dropped = bytes(self._kept), self._seen - len(self._kept)
        self._kept.clear()
        self._seen = 0
        if dropped:
            kept += b"\n[output truncated: %d bytes dropped]\n" % dropped
        return kept

    def close(self) -> None:
        """Close the descriptor; a writer gets a broken pipe."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

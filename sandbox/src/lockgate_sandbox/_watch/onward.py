"""What a script writes to a file of its host's: the host writes it there.

A descriptor that is open for writing carries more than writing on: what stands in the
file already can be cut off or written over (``ftruncate``, ``pwrite``; F_SETFL takes
O_APPEND away). So the script gets a pipe.
"""

from __future__ import annotations

import os
from contextlib import suppress

from lockgate_sandbox.errors import FileSizeLimitError

__all__ = ["Onward"]

_READ_BYTES = 65_536


class Onward:
    """The reading end `fd` of a pipe whose content goes to `target`; owns `fd`.

    `target` stays the caller's. At most `limit` bytes are written to it.
    """

    def __init__(self, fd: int, target: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.total = 0
        self.failed: OSError | None = None
        self._target = target
        self._limit = limit

    def drain(self) -> bool:
        """Write on what is there; false once every writer is gone, or it failed.

        Raises:
            FileSizeLimitError: If it is too much.
        """
        while self.fd >= 0:
            try:
                data = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                return True
            room = max(0, self._limit - self.total)
            self.total += len(data)
            if not data or not self._write(data[:room]):
                self._shut()
            elif len(data) > room:
                raise FileSizeLimitError(self._limit, self.total, "bytes a file")
        return False

    def _write(self, data: bytes) -> bool:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._target, left) :]
        except OSError as error:
            self.failed = error  # a full disk: the script gets a broken pipe
        return self.failed is None

    def close(self) -> None:
        """Write on the rest, when nobody writes any more, and close."""
        with suppress(FileSizeLimitError):
            self.drain()
        self._shut()

    def _shut(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

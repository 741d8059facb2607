"""A serial port that is not there: a pseudo terminal, its other end the test's."""

from __future__ import annotations

import os
import pty
import select
import tty

__all__ = ["FakeSerial"]


class FakeSerial:
    """What a plugin under test opens as `path`; `read` and `write` are the device's.

    The plugin gets a real terminal's descriptor, in raw mode.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._device, self._port = pty.openpty()
        tty.setraw(self._port)
        self._name = os.ttyname(self._port)

    def open(self) -> int:
        """A descriptor for the plugin, which closes it."""
        return os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    def write(self, data: bytes) -> int:
        """Let the device say something."""
        return os.write(self._device, data)

    def read(self, size: int, *, timeout: float = 5.0) -> bytes:
        """What the plugin wrote: `size` bytes, or fewer if no more comes in time."""
        found = b""
        while len(found) < size:
            ready, _, _ = select.select([self._device], [], [], timeout)
            if not ready:
                break
            found += os.read(self._device, size - len(found))
        return found

    def close(self) -> None:
        """Unplug it."""
        os.close(self._device)
        os.close(self._port)

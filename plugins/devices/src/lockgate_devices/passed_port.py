"""A serial port that somebody else opened: talked to by its descriptor alone.

pyserial opens ports by their path, which a sealed process may not do.
"""

from __future__ import annotations

import os
import select
import termios
import time
import tty

__all__ = ["PassedPort"]

_READ_LIMIT_BYTES = 1 << 20
_WRITE_SECONDS = 10.0


class PassedPort:
    """An open serial port; owns its descriptor.

    Raises:
        ValueError: If the port can't have that speed.
        OSError: If it is no terminal.
    """

    def __init__(self, fd: int, baud: int) -> None:
        self._fd = fd
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            message = f"the port has no speed of {baud} baud"
            raise ValueError(message)
        tty.setraw(fd, termios.TCSANOW)
        settings = termios.tcgetattr(fd)
        settings[2] |= termios.CLOCAL | termios.CREAD  # no modem: nothing to wait for
        settings[4] = settings[5] = speed
        termios.tcsetattr(fd, termios.TCSANOW, settings)

    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes; what is there as soon as anything is."""
        if size <= 0 or not self._ready(select.POLLIN, timeout):
            return b""
        return os.read(self._fd, min(size, _READ_LIMIT_BYTES))

    def write(self, data: bytes) -> int:
        """Send all of `data`; fewer bytes if the device takes no more for 10 s."""
        sent, end = 0, time.monotonic() + _WRITE_SECONDS
        while sent < len(data):
            if not self._ready(select.POLLOUT, end - time.monotonic()):
                break
            sent += os.write(self._fd, data[sent:])
        return sent

    def _ready(self, events: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._fd, events)
        return bool(poll.poll(max(seconds, 0.0) * 1000))

    def close(self) -> None:
        """Close the port."""
        os.close(self._fd)

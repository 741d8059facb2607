"""The host's own input and output, lent to a script and taken back as they were.

An open file has flags (fcntl(2), F_SETFL) and a terminal has settings (termios(3),
ioctl_tty(2)) that all share who have it open: the script, the host, and the shell that
the host was started from.
"""

from __future__ import annotations

import fcntl
import signal
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Lent"]

_TIOCGEXCL = 0x80045440  # Linux 3.8; not in termios
_NUMBER = bytes(4)


class Lent:
    """Remembers what `fds` are like."""

    def __init__(self, fds: Iterable[int]) -> None:
        self._flags: dict[int, int] = {}
        self._settings: dict[int, list[Any]] = {}
        self._exclusive: dict[int, bytes] = {}
        for fd in set(fds):
            with suppress(OSError, termios.error):  # closed; or no terminal
                self._flags[fd] = fcntl.fcntl(fd, fcntl.F_GETFL)
                self._settings[fd] = termios.tcgetattr(fd)
                self._exclusive[fd] = fcntl.ioctl(fd, _TIOCGEXCL, _NUMBER)

    def take_back(self) -> None:
        """Make them so again, where they were changed."""
        for fd, flags in self._flags.items():
            with suppress(OSError):
                if fcntl.fcntl(fd, fcntl.F_GETFL) != flags:
                    fcntl.fcntl(fd, fcntl.F_SETFL, flags)
        # A host in the background would be stopped for it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        try:
            for fd, settings in self._settings.items():
                with suppress(OSError, termios.error):
                    if termios.tcgetattr(fd) != settings:
                        termios.tcsetattr(fd, termios.TCSANOW, settings)
                    # What somebody holds with ^S stays held.
                    termios.tcflow(fd, termios.TCOON)
            for fd, exclusive in self._exclusive.items():
                if exclusive == _NUMBER:
                    with suppress(OSError):
                        fcntl.ioctl(fd, termios.TIOCNXCL)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

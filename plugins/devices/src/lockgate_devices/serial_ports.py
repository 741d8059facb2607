"""Serial ports: which there are, and reading and writing an open one."""

from __future__ import annotations

import errno
import os
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import serial
from serial.tools import list_ports

from lockgate.values import Device
from lockgate_devices.passed_port import PassedPort

__all__ = ["PortSession", "SerialRefusal", "Session", "find_ports", "open_port"]

_CLOSED_TO_US = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT})
"""What a sealed process hears of a path that it may not open; ENOENT where folders
are hidden from it."""

READ_LIMIT_BYTES = 1 << 20
TIMEOUT_LIMIT_SECONDS = 50.0
"""Less than the time that the hook itself has."""


class Session(Protocol):
    """An open device."""

    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes that came within `timeout` seconds."""
        ...

    def write(self, data: bytes) -> int:
        """Send; the number of bytes taken."""
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class SerialRefusal(Exception):  # noqa: N818 - a refusal with a way out
    """A port cannot be opened, read or written."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _nodes() -> list[str]:
    patterns = ("ttyUSB*", "ttyACM*", "ttyAMA*", "rfcomm*")
    try:
        return sorted(str(p) for one in patterns for p in Path("/dev").glob(one))
    except OSError:
        return []


def find_ports() -> tuple[tuple[Device, ...], tuple[str, ...]]:
    """The serial ports, and notes on what could not be looked at.

    A sealed process sees little of ``/sys`` and ``/dev``: then the list is
    shorter, and a note says so.
    """
    found: dict[str, Device] = {}
    notes: list[str] = []
    if not os.access("/sys/class/tty", os.R_OK | os.X_OK) or not _listable(
        "/sys/class/tty"
    ):
        notes.append("/sys/class/tty is not readable here: USB facts are missing")
    try:
        ports = list(list_ports.comports())
    except Exception as error:
        notes.append(f"serial ports could not be listed: {error}")
        ports = []
    for port in ports:
        details = {
            "path": port.device,
            "vid": port.vid,
            "pid": port.pid,
            "serial_number": port.serial_number,
            "manufacturer": port.manufacturer,
            "product": port.product,
        }
        summary = port.description if port.description not in ("", "n/a") else port.name
        found[port.device] = _device(port.device, str(summary), details)
    for path in _nodes():
        found.setdefault(path, _device(path, Path(path).name, {"path": path}))
    return tuple(found.values()), tuple(notes)


def _listable(folder: str) -> bool:
    try:
        next(Path(folder).iterdir(), None)
    except OSError:
        return False
    return True


def _device(path: str, summary: str, details: Mapping[str, Any]) -> Device:
    openable = _openable(path)
    known = {key: value for key, value in details.items() if value is not None}
    known["openable"] = openable
    if not openable:
        known["hint"] = f"lockgate grants grant devices device:{path}"
    return Device(f"serial:{path}", "serial", summary, details=known)


def _openable(path: str) -> bool:
    # access() does not know Landlock: only opening tells. Without O_NONBLOCK an
    # open would wait for a modem's carrier, with it no line changes.
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    os.close(fd)
    return True


class PortSession:
    """An open serial port."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes; returns early once some came and no more follow."""
        wait = min(max(timeout, 0.0), TIMEOUT_LIMIT_SECONDS)
        try:
            self._port.timeout = wait
            first = self._port.read(1)
            more = min(self._port.in_waiting, min(size, READ_LIMIT_BYTES) - 1)
            return bytes(first + self._port.read(more)) if first else b""
        except (serial.SerialException, OSError) as error:
            raise _lost(self._port, error) from error

    def write(self, data: bytes) -> int:
        """Send all of `data`."""
        try:
            return self._port.write(data) or 0
        except (serial.SerialException, OSError) as error:
            raise _lost(self._port, error) from error

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _lost(port: serial.Serial, error: Exception) -> SerialRefusal:
    return SerialRefusal(f"{port.port} failed: {error}", "Is the device still there?")


def open_port(
    path: str, options: Mapping[str, Any], ask: Callable[[str], int] | None = None
) -> Session:
    """Open the port at `path`; `options` may have `baud`.

    `ask` gives its descriptor where this process may not open it by itself.

    Raises:
        SerialRefusal: If the path is no device, or is not granted, or is taken.
    """
    baud = options.get("baud", 9600)
    if not isinstance(baud, int) or not 50 <= baud <= 4_000_000:
        message = f"baud must be a whole number from 50 to 4000000, is {baud!r:.40}"
        raise SerialRefusal(message, "Leave it out for 9600.")
    if not path.startswith("/dev/") or ".." in Path(path).parts:
        message = f"{path!r:.80} is not a device below /dev"
        raise SerialRefusal(message, "Take an id from discover_devices.")
    try:
        port = serial.Serial(path, baud, timeout=0, write_timeout=10, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        if ask is not None and getattr(error, "errno", None) in _CLOSED_TO_US:
            return _passed_port(path, baud, ask)
        hint = f"lockgate grants grant devices device:{path}"
        raise SerialRefusal(f"{path} cannot be opened: {error}", hint) from error
    return PortSession(port)


def _passed_port(path: str, baud: int, ask: Callable[[str], int]) -> PassedPort:
    hint = f"lockgate grants grant devices device:{path}"
    try:
        fd = ask(path)
    except OSError as error:
        raise SerialRefusal(f"{path} cannot be opened: {error}", hint) from error
    try:
        return PassedPort(fd, baud)
    except (OSError, ValueError, termios.error) as error:
        os.close(fd)
        message = f"{path} cannot be set up: {error}"
        raise SerialRefusal(message, "Try 9600 or 115200 baud.") from error

"""Serial ports and GPIO chips, opened by the host and handed over open.

Opening a device can do something by itself (start a watchdog, reset a board), so it
is looked at first: by a descriptor that opens nothing (O_PATH), then by the kernel's
own word on what it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import termios
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol, cast

from lockgate_sandbox._spelling.written import owners_place
from lockgate_sandbox.broker._gate import Gate
from lockgate_sandbox.callbacks import Passed
from lockgate_sandbox.errors import Data, PolicyError
from lockgate_sandbox.grants import Device
from lockgate_sandbox.linux.plain import open_plain

__all__ = ["Claims", "DeviceBusyError", "Devices", "why_not"]

_PSEUDO_TERMINALS = range(136, 144)
"""Majors of pts (admin-guide/devices.txt): a program on this machine holds one."""


class Claims(Protocol):
    """Who has which device; the kernel's lock decides, this gives it a name."""

    def taken(self, grant: Device, found: os.stat_result) -> None:
        """The device `found` is open now under `grant`."""
        ...

    def holders(self, found: os.stat_result) -> str:
        """Who has the device `found` in words, "" if it is not known."""
        ...

    def line(
        self, grant: Device, found: os.stat_result
    ) -> AbstractContextManager[Callable[[], bool]]:
        """A place in the line for the device; it tells whether it is one's turn."""
        ...

    def wait(self, grant: Device, found: os.stat_result) -> bool:
        """The device is not to be had: wait a moment, or say that it is not worth it.

        Returns:
            Whether to try again. If not, who asked is told that the device is busy.
        """
        ...


class Devices:
    """Answers ``broker.device.open``."""

    def __init__(self, gate: Gate, claims: Claims | None = None) -> None:
        self._gate = gate
        self._claims = claims

    @property
    def callbacks(self) -> dict[str, Callable[[dict[str, Data]], object]]:
        """What a session asks for."""
        return {"broker.device.open": self._open}

    def _open(self, arguments: dict[str, Data]) -> Passed:
        name = arguments.get("name")
        if not isinstance(name, str):
            msg = "a device has a name"
            raise ValueError(msg)
        grant = cast("Device | None", self._gate.named(Device, name))
        if grant is None:
            raise self._gate.refuse("device", name, "this device is not granted")
        with self._gate.room_for(3, "device", name):
            seen = self._seen(grant)
        try:
            found = os.fstat(seen)
            why = why_not(found)
            if why:
                raise self._gate.refuse("device", name, why, wanted="")
            self._gate.allow(grant, name)
            return Passed(grant.path, [self._claimed(seen, found, grant)])
        finally:
            os.close(seen)

    def _seen(self, grant: Device) -> int:
        """The device, not opened; udev's links to it change when it is plugged in."""
        try:
            return open_plain(owners_place("device", grant.path), os.O_PATH)
        except PolicyError as error:
            reason = str(error)
        raise self._gate.refuse("device", grant.name, reason, wanted="")

    def _claimed(self, seen: int, found: os.stat_result, grant: Device) -> int:
        """The device, open and claimed.

        The lock belongs to the open file: it goes when the worker closes it or
        ends, however it or the host ends.
        """
        claims = self._claims
        if claims is None:
            return _open_locked(seen, grant)
        with claims.line(grant, found) as my_turn:
            fd = self._waited_for(seen, found, grant, claims, my_turn)
            try:
                claims.taken(grant, found)
            except BaseException:
                os.close(fd)
                raise
        return fd

    def _waited_for(
        self,
        seen: int,
        found: os.stat_result,
        grant: Device,
        claims: Claims,
        my_turn: Callable[[], bool],
    ) -> int:
        """The device, open and locked, as soon as it is to be had.

        Opening one can do something to it: nobody tries who knows that it is taken.
        """
        while True:
            if my_turn():
                with suppress(DeviceBusyError):
                    return _open_locked(seen, grant)
            if not claims.wait(grant, found):
                raise _busy(grant, claims.holders(found))


def why_not(found: os.stat_result) -> str:
    """Why what was found at a path is never handed out; empty if it may be."""
    if not stat.S_ISCHR(found.st_mode):
        return "it is no character device"
    major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
    if found.st_rdev == _own_terminal():
        return "it is the terminal that the host itself runs on"
    if major in _PSEUDO_TERMINALS:
        return ""
    known = Path(f"/sys/dev/char/{major}:{minor}")
    kind = (known / "subsystem").resolve().name
    # A port of a real driver has a device behind it; consoles and ptmx have none.
    serial = kind == "tty" and (known / "device").exists()
    return "" if serial or kind == "gpio" else "it is no serial port and no GPIO chip"


def _own_terminal() -> int:
    stat_line = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    number = int(stat_line.rpartition(")")[2].split()[4])  # tty_nr, proc_pid_stat(5)
    # Bits 31-20 and 7-0 are the minor, 15-8 the major.
    minor = number >> 12 & 0xFFF00 | number & 0xFF
    return os.makedev(number >> 8 & 0xFFF, minor) if number else -1


def _open_locked(seen: int, grant: Device) -> int:
    """The device that `seen` names, for as long as it is open for nobody else.

    With `shared`, for nobody but those that share it.
    """
    flags = os.O_RDWR if grant.write else os.O_RDONLY
    flags |= os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(f"/proc/self/fd/{seen}", flags)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(grant) from None
        raise OSError(error.errno, error.strerror, grant.path) from None
    try:
        # As pyserial does; TIOCEXCL alone does not stop root (ioctl_tty(2)). A pseudo-
        # terminal stays so for as long as its other end is open: closed for good.
        kind = fcntl.LOCK_SH if grant.shared else fcntl.LOCK_EX
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        pseudo = os.major(os.fstat(fd).st_rdev) in _PSEUDO_TERMINALS
        if not (grant.shared or pseudo):
            with suppress(OSError):  # a GPIO chip is no terminal
                fcntl.ioctl(fd, termios.TIOCEXCL)
    except BlockingIOError:
        os.close(fd)
        raise _busy(grant) from None
    except BaseException:
        os.close(fd)
        raise
    return fd


class DeviceBusyError(OSError):
    """Another program, or this worker itself, has the device open for itself."""

    code = "device-busy"
    hint = "close it there, or have both sides declare the device as shared"


def _busy(grant: Device, holders: str = "") -> DeviceBusyError:
    who = holders or "another program"
    return DeviceBusyError(f"{grant.path} is in use by {who}")

"""Facts about the machine itself: psutil's, and pyudev's where it is installed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from lockgate.values import Device

__all__ = ["find_host"]

_UDEV_LIMIT = 64
_SUBSYSTEMS = ("usb", "gpio", "i2c-dev", "spidev")


def find_host() -> tuple[Device, tuple[str, ...]]:
    """The machine as a device, and notes on what could not be seen.

    A sealed process may not read most of ``/proc`` and ``/sys``; each fact is
    taken on its own, and one that cannot be had is a note.
    """
    notes: list[str] = []
    details: dict[str, Any] = {}
    sources: dict[str, Callable[[], Any]] = {
        "cpus": psutil.cpu_count,
        "memory_bytes": _memory,
        "boot_time": lambda: int(psutil.boot_time()),
        "temperatures": _temperatures,
        "peripherals": _udev,
    }
    for name, source in sources.items():
        try:
            value = source()
        except Exception as error:
            notes.append(f"{name}: {type(error).__name__}: {error}"[:200])
            continue
        if value is None:
            notes.append(f"{name}: not to be seen here")
        else:
            details[name] = value
    return Device(
        "host", "computer", "The machine that this runs on", details=details
    ), (tuple(notes))


def _memory() -> int:
    try:
        return int(psutil.virtual_memory().total)
    except OSError:
        # psutil reads /proc; sysconf asks the kernel itself.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _temperatures() -> dict[str, float] | None:
    read: Any = getattr(psutil, "sensors_temperatures", None)
    chips: Mapping[str, Any] = read() if read else {}
    found: dict[str, float] = {}
    for chip, entries in chips.items():
        for index, entry in enumerate(entries):
            found[f"{chip}:{entry.label or index}"] = float(entry.current)
    return found or None


def _udev() -> list[dict[str, str]] | None:
    """USB, GPIO, I2C and SPI devices, if the optional `pyudev` is there."""
    try:
        pyudev: Any = importlib.import_module("pyudev")
    except ImportError:
        return None
    context = pyudev.Context()
    found: list[dict[str, str]] = []
    for subsystem in _SUBSYSTEMS:
        for device in context.list_devices(subsystem=subsystem):
            if len(found) < _UDEV_LIMIT:
                model = device.get("ID_MODEL") or device.sys_name
                found.append({"subsystem": subsystem, "name": str(model)})
    return found or None

"""The boards that firmware can be simulated on here, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lockgate.values import Device

__all__ = ["APT_PACKAGES", "SIMAVR", "VIRTUAL", "find_boards", "simavr_library"]

VIRTUAL = "virtual"
SIMAVR = "simavr"
APT_PACKAGES = ("gcc-avr", "avr-libc", "arduino-core-avr", "libsimavr2")

_LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib",
)
_LIBRARY = "libsimavr.so.2"


def simavr_library() -> str | None:
    """The path of simavr's library, or None if it is not installed."""
    for folder in _LIBRARY_FOLDERS:
        path = Path(folder, _LIBRARY)
        if path.exists():
            return str(path)
    return None


def find_boards(has_program: Callable[[str], bool]) -> tuple[Device, ...]:
    """The virtual boards; one that misses something says what to install."""
    virtual = Device(
        VIRTUAL,
        "board",
        "MicroPython firmware against a virtual machine module",
        simulated=True,
        details={"targets": ["micropython"], "available": True},
    )
    missing = [] if has_program("avr-gcc") else ["gcc-avr", "avr-libc"]
    if simavr_library() is None:
        missing.append("libsimavr2")
    details: dict[str, object] = {"targets": ["arduino"], "available": not missing}
    if missing:
        details["hint"] = "apt-get install " + " ".join(APT_PACKAGES)
        details["missing"] = missing
    simavr = Device(
        SIMAVR,
        "board",
        "Arduino firmware, compiled for its AVR and run in simavr",
        simulated=True,
        details=details,  # type: ignore[arg-type]
    )
    return (virtual, simavr)

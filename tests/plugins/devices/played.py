"""A board that plays a program, and the faults that it found."""

from __future__ import annotations

from lockgate_devices.runtime.board import BoardStopped
from lockgate_devices.runtime.virtual.board import VirtualBoard
from tests.support.devices import board

__all__ = ["MS", "holds", "play"]

MS = 1_000


def play(source: str, *, ms: int = 5_000) -> tuple[VirtualBoard, str, str]:
    """Run `source` until it ends; the board, and how it ended."""
    found = board(source)
    try:
        found.advance(ms * MS)
    except BoardStopped as stop:
        return found, stop.code, str(stop)
    finally:
        found.close()
    return found, "", ""


def holds(source: str, *, ms: int = 5_000) -> VirtualBoard:
    """Firmware whose every assertion must hold, and which ends."""
    found, code, text = play(source, ms=ms)
    assert code == "firmware-ended", text
    return found

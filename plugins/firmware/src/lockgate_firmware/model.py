"""The model that every emitter reads: one device, resolved and checked."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate_firmware.boards import Board
from lockgate_firmware.parts import Part

__all__ = ["LINE_LIMIT_BYTES", "Missing", "Model"]

LINE_LIMIT_BYTES = 64
"""The longest request line, without its newline."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A peripheral that the spec asks for and the firmware does not drive."""

    type: str
    pin: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Model:
    """A device.

    `name` is an identifier in every target language and a safe file name;
    `title` is the spec's own text. `named_pins` are entries of the spec's pin
    table that no peripheral takes.
    """

    name: str
    title: str
    platform: str
    board: Board
    baud: int
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...] = ()
    named_pins: tuple[tuple[str, str], ...] = ()
    update_ms: int = 0

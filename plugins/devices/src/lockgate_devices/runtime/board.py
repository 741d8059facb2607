"""The seam between the scenario and a board: what every board can be asked.

Two boards implement it: `virtual.board.VirtualBoard` (MicroPython) and
`avr.board.AvrBoard` (machine code in simavr). Times are microseconds since
reset; nothing here depends on the real clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lockgate_devices.runtime.trace import Trace

__all__ = ["Board", "BoardStopped", "Pin", "pins_of"]


class BoardStopped(Exception):  # noqa: N818 - a state of the board, not an error
    """The board runs no more: its firmware ended, raised, or hung."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Pin:
    """What a pin of the board can do, from the contract's ``board.pins``."""

    name: str
    output: bool = True
    input: bool = True
    pull_up: bool = True
    external_pull_up: bool = False
    pwm: bool = True
    analog: bool = False


def pins_of(document: Mapping[str, Any]) -> dict[str, Pin]:
    """The pins of a contract's ``board.pins``; missing abilities are absent."""
    return {
        name: Pin(
            name,
            output=able.get("output") is True,
            input=able.get("input") is True,
            pull_up=able.get("pull_up") is True,
            external_pull_up=able.get("external_pull_up") is True,
            pwm=able.get("pwm") is True,
            analog=able.get("analog") is True,
        )
        for name, able in document.items()
    }


class Board(Protocol):
    """A board under test, with a wire on its serial port."""

    trace: Trace
    tells_modes: bool
    """Whether `mode` tells ``pwm`` from ``output`` and ``analog`` from ``input``."""

    @property
    def now_us(self) -> int:
        """Microseconds since reset."""
        ...

    def advance(self, until_us: int, *, line: bool = False) -> None:
        """Run to `until_us`; with `line`, stop as soon as a whole line was sent.

        Raises:
            BoardStopped: If the board cannot run on.
        """
        ...

    def send(self, data: bytes) -> None:
        """Put `data` on the board's receive wire, from now on, at the baud rate."""
        ...

    def take_line(self) -> bytes | None:
        """The next whole line that the board sent, with its newline, or None."""
        ...

    def take(self) -> bytes:
        """All bytes that the board sent and nobody took."""
        ...

    def drive(self, pin: str, level: int | None) -> None:
        """Hold a pin at a level from outside; None lets it go."""
        ...

    def analog(self, pin: str, value: int, maximum: int) -> None:
        """Put `value` of `maximum` on an analog input."""
        ...

    def level(self, pin: str) -> int:
        """The level of the pin's wire now."""
        ...

    def mode(self, pin: str) -> str:
        """``output``, ``input``, ``input_pullup``, ``analog``, ``pwm``, ``unused``."""
        ...

    def wave(self, pin: str, near_hz: float) -> tuple[float, float] | None:
        """Frequency in hertz (0: steady) and percent of time high.

        None if this board cannot see it.

        A board that measures lets some periods of `near_hz` go by for it.
        """
        ...

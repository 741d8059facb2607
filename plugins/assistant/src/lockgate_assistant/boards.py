"""Which pins to propose, and in which order: a small table of its own.

It is advice, not authority: it lists what is free of traps on each board (no
strapping pins, no serial port, nothing wired on the board), best first. Whether a
pin is right is decided by whoever checks the spec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["BOARDS", "Board", "Role", "board_of", "role_of"]

Role: TypeAlias = Literal["output", "pull_up", "analog", "pwm"]


def _numbers(*numbers: int) -> tuple[str, ...]:
    return tuple(map(str, numbers))


@dataclass(frozen=True, slots=True)
class Board:
    """A board's pins by role, best first.

    `second_names` maps other spellings to the pin's own; `tone_timer` holds the pins
    whose PWM a speaker takes away.
    """

    id: str
    platform: str
    mcus: tuple[str, ...]
    pins: Mapping[Role, tuple[str, ...]]
    second_names: Mapping[str, str] = field(default_factory=dict[str, str])
    tone_timer: tuple[str, ...] = ()

    def own_name(self, written: str) -> str:
        """One name for the spellings of a pin."""
        name = re.sub(r"^(GPIO|IO)(?=\d)", "", written.upper())
        return self.second_names.get(name, name)


def _analog(count: int) -> tuple[str, ...]:
    return tuple(f"A{n}" for n in range(count))


def _second(first: int, count: int) -> dict[str, str]:
    return {str(first + n): f"A{n}" for n in range(count)}


_UNO: Mapping[Role, tuple[str, ...]] = {
    "output": (*_numbers(12, 8, 7, 4, 10, 9, 6, 5, 13, 11, 3, 2), *_analog(6)),
    # Not 13: the board's LED loads a pull-up.
    "pull_up": (*_numbers(2, 3, 4, 7, 8, 12, 5, 6, 9, 10, 11), *_analog(6)),
    "analog": _analog(6),
    "pwm": _numbers(9, 10, 5, 6, 3, 11),
}
_MEGA_FREE = (*range(22, 44), 47, 48, 49)
_ESP32_FREE = _numbers(16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 13, 14, 4)
_BLUEPILL_FREE = (
    *("PB12", "PB13", "PB14", "PB15", "PB10", "PB11", "PB5", "PB6", "PB7", "PB8"),
    *("PB9", "PB0", "PB1", "PA0", "PA1", "PA2", "PA3", "PA4", "PA5", "PA6", "PA7"),
)
_BLUEPILL_NAMES = (
    *(f"PA{n}" for n in range(16)),
    *(f"PB{n}" for n in range(16)),
    *(f"PC{n}" for n in range(13, 16)),
)

BOARDS: tuple[Board, ...] = (
    Board(
        "uno", "arduino", ("atmega328p", "atmega328"), _UNO, _second(14, 6), ("3", "11")
    ),
    Board("nano", "arduino", (), _UNO, _second(14, 8), ("3", "11")),
    Board(
        "mega2560",
        "arduino",
        ("atmega2560",),
        {
            "output": _numbers(*_MEGA_FREE),
            "pull_up": _numbers(*_MEGA_FREE),
            "analog": _analog(16),
            "pwm": _numbers(6, 7, 8, 2, 3, 5, 11, 12, 44, 45, 46, 9, 10),
        },
        _second(54, 16),
        ("9", "10"),
    ),
    Board(
        "leonardo",
        "arduino",
        ("atmega32u4",),
        {**_UNO, "pwm": _numbers(9, 10, 6, 5, 3, 11)},
        _second(18, 6),
        ("5",),
    ),
    Board(
        "esp32-devkit",
        "esp32",
        ("esp32",),
        {
            "output": _ESP32_FREE,
            "pull_up": _ESP32_FREE,
            "analog": _numbers(34, 35, 36, 39, 32, 33),
            "pwm": _ESP32_FREE,
        },
    ),
    Board(
        "m5stack-core",
        "m5stack",
        ("esp32",),
        {
            "output": _numbers(26, 16, 17, 13),
            "pull_up": _numbers(39, 38, 37, 26, 16, 17, 13),
            "analog": _numbers(36, 35, 34),
            "pwm": _numbers(26, 16, 17, 13),
        },
    ),
    Board(
        "bluepill-f103",
        "stm32",
        ("stm32f103",),
        {
            "output": _BLUEPILL_FREE,
            "pull_up": _BLUEPILL_FREE,
            "analog": (*(f"PA{n}" for n in range(8)), "PB0", "PB1"),
            "pwm": ("PA0", "PA1", "PA6", "PA7", "PB6", "PB7", "PB8", "PB9", "PA8"),
        },
        {
            **{str(number): name for number, name in enumerate(_BLUEPILL_NAMES)},
            **{f"A{n}": f"PA{n}" for n in range(8)},
            "A8": "PB0",
            "A9": "PB1",
        },
    ),
)

_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("led", "relay"), "output"),
    **dict.fromkeys(("button", "switch", "encoder"), "pull_up"),
    **dict.fromkeys(
        ("sensor", "temperature", "humidity", "pressure", "light", "potentiometer"),
        "analog",
    ),
    **dict.fromkeys(("motor", "fan", "pump", "speaker", "buzzer"), "pwm"),
}


def role_of(kind: str, key: str = "pin") -> Role:
    """What a peripheral of type `kind` needs of the pin that it names by `key`."""
    return "output" if key == "direction_pin" else _ROLES.get(kind.lower(), "output")


def board_of(platform: str, mcu: str, board: str) -> Board | None:
    """The board that a spec means by these words; None if it is not known here."""
    named = [b for b in BOARDS if b.id == board.lower()]
    of_platform = [b for b in BOARDS if b.platform == platform.lower()]
    by_mcu = [
        b for b in of_platform if mcu and mcu.lower().startswith(b.mcus or ("?",))
    ]
    return next(iter((*named, *by_mcu, *of_platform)), None)

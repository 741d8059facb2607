"""Boards: what each pin can do, as facts of the datasheets and the board plans.

A pin has one canonical name (``13``, ``A0``, ``PA3``); other spellings are
aliases, so two spellings of one pin are seen as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Board", "Pin"]


@dataclass(frozen=True, slots=True)
class Pin:
    """What one pin can do.

    `reserved` says what else the pin is for when a peripheral may not have it.
    `timer` names the hardware timer behind its PWM, `pwm_hz` the frequency that
    timer is tied to (0: free to choose).
    """

    output: bool = True
    input: bool = True
    pull_up: bool = True
    external_pull_up: bool = False
    pwm: bool = False
    analog: bool = False
    reserved: str = ""
    timer: str = ""
    pwm_hz: int = 0
    warn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A board: its processor, its memory and its pins.

    `analog_max` is the ADC's largest reading; `bauds` what its UART reaches
    closely enough; `tone_timer` the timer that its ``tone()`` takes, if any.
    """

    id: str
    name: str
    platform: str
    mcu: str
    f_cpu: int
    flash_bytes: int
    ram_bytes: int
    analog_max: int
    bauds: tuple[int, ...]
    pins: Mapping[str, Pin]
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    serial_port: str = "uart"
    tone_timer: str = ""
    avr: bool = False
    runs_micropython: bool = True

    def canonical(self, written: str) -> str | None:
        """The canonical name of the pin that a spec wrote, or None if not here."""
        name = written.upper()
        if name in self.pins:
            return name
        return self.aliases.get(name)

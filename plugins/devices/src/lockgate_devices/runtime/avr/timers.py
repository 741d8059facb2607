"""PWM of the AVR's timers, as their registers say it.

simavr counts phase-correct PWM as if it were fast PWM, or not at all, so the
wave on a pin is computed from the registers by the datasheet's formulas
(ATmega328P, sections 15.7, 16.9 and 18.7) and not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lockgate_devices.runtime.avr.simavr import Simavr

__all__ = ["Timers"]


@dataclass(frozen=True, slots=True)
class _Output:
    """One compare output: where its timer's registers are, and its COM bits."""

    control: int
    compare: int
    shift: int
    wide: bool = True
    fine: bool = False
    """Timer 2 has a prescaler table of its own."""


# Arduino.h's numbers of the timers' outputs. TCCRnB follows TCCRnA.
_OUTPUTS = {
    1: _Output(0x44, 0x47, 6, wide=False),
    2: _Output(0x44, 0x48, 4, wide=False),
    3: _Output(0x80, 0x88, 6),
    4: _Output(0x80, 0x8A, 4),
    5: _Output(0x80, 0x8C, 2),
    7: _Output(0xB0, 0xB3, 6, wide=False, fine=True),
    8: _Output(0xB0, 0xB4, 4, wide=False, fine=True),
    9: _Output(0x90, 0x98, 6),
    10: _Output(0x90, 0x9A, 4),
    11: _Output(0x90, 0x9C, 2),
    12: _Output(0xA0, 0xA8, 6),
    13: _Output(0xA0, 0xAA, 4),
    14: _Output(0xA0, 0xAC, 2),
    16: _Output(0x120, 0x128, 6),
    17: _Output(0x120, 0x12A, 4),
    18: _Output(0x120, 0x12C, 2),
}
_USB_OUTPUTS = {number: _OUTPUTS[number] for number in (1, 2, 3, 4, 5, 9, 10, 11)}
"""The ATmega32U4's timer 4 is another machine, with other registers."""

_DIVISORS = {1: 1, 2: 8, 3: 64, 4: 256, 5: 1024}
_FINE_DIVISORS = {1: 1, 2: 8, 3: 32, 4: 64, 5: 128, 6: 256, 7: 1024}

# Waveform mode -> bits, and whether it counts up and down (phase-correct).
_NARROW_MODES = {1: (8, True), 3: (8, False)}
_WIDE_MODES = {
    1: (8, True),
    2: (9, True),
    3: (10, True),
    5: (8, False),
    6: (9, False),
    7: (10, False),
}


class Timers:
    """The compare outputs of all timers; `changed` is told which one moved."""

    def __init__(
        self, avr: Simavr, *, usb: bool, changed: Callable[[int], None]
    ) -> None:
        self._avr = avr
        self._changed = changed
        self._outputs = _USB_OUTPUTS if usb else _OUTPUTS
        self._values: dict[int, int] = {}
        registers: set[int] = set()
        for output in self._outputs.values():
            registers |= {output.control, output.control + 1, output.compare}
            if output.wide:
                registers.add(output.compare + 1)
        for register in sorted(registers):
            avr.on(avr.register_irq(register), partial(self._written, register))

    def _written(self, register: int, value: int) -> None:
        self._values[register] = value
        for number, output in self._outputs.items():
            own = (output.control, output.control + 1, output.compare)
            if register in own:
                self._changed(number)

    def knows(self, number: int) -> bool:
        """Whether the output's registers are known here."""
        return number in self._outputs

    def switches(self, number: int) -> bool:
        """Whether the timer's output `number` has taken its pin over."""
        output = self._outputs.get(number)
        if output is None:
            return False
        return bool(self._values.get(output.control, 0) >> output.shift & 3)

    def wave(self, number: int) -> tuple[float, float] | None:
        """Frequency and percent of time high; None in a mode that is not PWM."""
        output = self._outputs[number]
        first = self._values.get(output.control, 0)
        second = self._values.get(output.control + 1, 0)
        divisors = _FINE_DIVISORS if output.fine else _DIVISORS
        divisor = divisors.get(second & 7)
        if output.wide:
            mode = _WIDE_MODES.get(first & 3 | (second >> 3 & 3) << 2)
        else:
            mode = _NARROW_MODES.get(first & 3 | (second >> 3 & 1) << 2)
        if divisor is None or mode is None:
            return None
        bits, both_ways = mode
        top = (1 << bits) - 1
        compare = self._values.get(output.compare, 0)
        if output.wide:
            compare |= self._values.get(output.compare + 1, 0) << 8
        if both_ways:
            return (
                self._avr.frequency / (divisor * 2 * top),
                min(compare, top) * 100 / top,
            )
        return (
            self._avr.frequency / (divisor * (top + 1)),
            min(compare + 1, top + 1) * 100 / (top + 1),
        )

"""Pins of the AVR: levels, modes and edges, from simavr's signals."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lockgate_devices.runtime.avr.simavr import Simavr
from lockgate_devices.runtime.avr.timers import Timers
from lockgate_devices.runtime.board import Pin
from lockgate_devices.runtime.trace import Trace

__all__ = ["AvrPin", "Ports"]

_HISTORY = 4_000


@dataclass(slots=True)
class AvrPin:
    """One pin: where it is, who holds it, and its edges of late in cycles."""

    pin: Pin
    port: str
    bit: int
    timer: int
    channel: int
    irq: int = 0
    level: int = 0
    mode: str = "input"
    analog: bool = False
    driven: int | None = None
    wave: tuple[float, float] | None = None
    edges: deque[tuple[int, int]] = field(
        default_factory=lambda: deque[tuple[int, int]](maxlen=_HISTORY)
    )


class Ports:
    """All pins that the contract names and the board has."""

    def __init__(
        self,
        avr: Simavr,
        pins: Mapping[str, Pin],
        places: Mapping[str, Sequence[Any]],
        trace: Trace,
        now_us: Callable[[], int],
        *,
        usb: bool,
    ) -> None:
        self._avr = avr
        self._trace = trace
        self._now_us = now_us
        self.pins = {
            name: AvrPin(pin, *places[name])
            for name, pin in pins.items()
            if name in places
        }
        self._ports: dict[str, tuple[int, int]] = {}
        for letter in sorted({pin.port for pin in self.pins.values()} - {""}):
            self._watch_port(letter)
        self.timers = Timers(avr, usb=usb, changed=self._timer_changed)

    def _watch_port(self, letter: str) -> None:
        avr = self._avr
        self._ports[letter] = (0, 0)
        for name, pin in self.pins.items():
            if pin.port == letter:
                pin.irq = avr.irq(f"iog{letter}", pin.bit)
                avr.on(pin.irq, partial(self._moved, name, pin))
                if pin.pin.external_pull_up:
                    self.drive(name, None)
        avr.on(avr.irq_named(f"iog{letter}", "ddr"), partial(self._set_ddr, letter))
        avr.on(avr.irq_named(f"iog{letter}", "port"), partial(self._set_port, letter))

    def _timer_changed(self, number: int) -> None:
        for name, pin in self.pins.items():
            if pin.timer != number:
                continue
            self._show_mode(name, pin)
            wave = self.timers.wave(number) if pin.mode == "pwm" else None
            if wave is not None and wave != pin.wave:
                pin.wave = wave
                self._trace.add(
                    self._now_us(),
                    "pin",
                    pin=name,
                    freq_hz=round(wave[0], 1),
                    duty_percent=round(wave[1], 2),
                    by="device",
                )

    # -- what the firmware does -------------------------------------------------

    def _set_ddr(self, letter: str, value: int) -> None:
        self._set(letter, value, self._ports[letter][1])

    def _set_port(self, letter: str, value: int) -> None:
        self._set(letter, self._ports[letter][0], value)

    def _set(self, letter: str, ddr: int, port: int) -> None:
        self._ports[letter] = (ddr, port)
        for name, pin in self.pins.items():
            if pin.port == letter:
                self._show_mode(name, pin)

    def _mode(self, pin: AvrPin) -> str:
        ddr, port = self._ports.get(pin.port, (0, 0))
        if ddr >> pin.bit & 1:
            return "pwm" if self.timers.switches(pin.timer) else "output"
        if pin.analog:
            return "analog"
        return "input_pullup" if port >> pin.bit & 1 else "input"

    def _show_mode(self, name: str, pin: AvrPin) -> None:
        mode = self._mode(pin)
        if mode == pin.mode:
            return
        if pin.mode == "pwm":
            pin.wave = None
            self._trace.add(
                self._now_us(), "pin", pin=name, level=pin.level, by="device"
            )
        pin.mode = mode
        self._trace.add(self._now_us(), "pin", pin=name, mode=mode, by="device")

    def _moved(self, name: str, pin: AvrPin, value: int) -> None:
        level = value & 1
        if pin.mode not in ("output", "pwm") and pin.driven is not None:
            level = pin.driven
        if level == pin.level:
            return
        pin.level = level
        pin.edges.append((self._avr.cycle, level))
        if pin.mode != "pwm":
            self._trace.edge(self._now_us(), name, level, "device")

    def converted(self, channel: int) -> None:
        """The ADC took a sample of `channel`."""
        for name, pin in self.pins.items():
            if pin.channel == channel and name.startswith("A") and not pin.analog:
                pin.analog = True
                self._show_mode(name, pin)

    # -- what the world does ------------------------------------------------------

    def drive(self, name: str, level: int | None) -> None:
        """Hold an input at a level, or let it go.

        Raises:
            ValueError: If the pin is an analog input only.
        """
        pin = self.pins[name]
        if not pin.port:
            message = f"pin {name} is an analog input only"
            raise ValueError(message)
        pin.driven = level
        if pin.mode in ("output", "pwm"):
            if level not in (None, pin.level):
                text = f"pin {name} puts out {pin.level} and is held at {level}"
                self._trace.fault("pin.short", text, self._now_us())
            return
        held = [p for p in self.pins.values() if p.port == pin.port]
        outside = {p.bit: self._outside(p) for p in held}
        mask = sum(1 << bit for bit, value in outside.items() if value is not None)
        value = sum(1 << bit for bit, value in outside.items() if value)
        self._avr.hold(pin.port, mask, value)
        now = outside[pin.bit]
        if now is None:
            now = 1 if pin.mode == "input_pullup" else 0
        if now != pin.level:
            pin.level = now
            self._trace.edge(self._now_us(), name, pin.level, "world")
        self._avr.raise_irq(pin.irq, now)

    @staticmethod
    def _outside(pin: AvrPin) -> int | None:
        if pin.driven is not None:
            return pin.driven
        return 1 if pin.pin.external_pull_up else None

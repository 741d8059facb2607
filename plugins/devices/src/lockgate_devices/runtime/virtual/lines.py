"""The electrical side of pins: who drives a wire, and what level that gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lockgate_devices.runtime.board import Pin
from lockgate_devices.runtime.trace import Trace
from lockgate_devices.runtime.virtual.core import Core

__all__ = ["Line", "Lines", "Watch"]


@dataclass(slots=True)
class Watch:
    """An interrupt handler on a pin: `rising` and `falling` say when it is called."""

    call: Callable[[], None]
    rising: bool
    falling: bool


@dataclass(slots=True)
class Line:
    """One pin's wire. `driven` is what the outside world does to it."""

    pin: Pin
    mode: str = "unused"
    pull: str = ""
    out: int = 0
    driven: int | None = None
    analog_u16: int | None = None
    pwm_hz: int = 0
    pwm_u16: int = 0
    pwm_since_us: int = 0
    watch: Watch | None = None
    owner: str = ""
    level: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.level = self.resolve()

    def resolve(self) -> int:
        """The level that the drivers of this wire give it; floating reads 0."""
        if self.mode == "pwm":
            return 0  # switched, see `sample`
        if self.mode == "output" or (self.mode == "open_drain" and not self.out):
            return self.out
        if self.driven is not None:
            return self.driven
        return 1 if self.pull == "up" or self.pin.external_pull_up else 0

    def sample(self, now_us: int) -> int:
        """The level at a moment, a running PWM included."""
        if self.mode != "pwm" or not self.pwm_hz:
            return self.level
        phase = (now_us - self.pwm_since_us) * self.pwm_hz % 1_000_000
        return 1 if phase * 65_535 < self.pwm_u16 * 1_000_000 else 0


class Lines:
    """All wires of a board. Every change is traced, and raises interrupts."""

    def __init__(self, pins: dict[str, Pin], core: Core, trace: Trace) -> None:
        self._lines = {name: Line(pin) for name, pin in pins.items()}
        self._core = core
        self._trace = trace

    def find(self, name: object) -> Line | None:
        """The line of a pin as firmware names it: ``13``, ``"A0"``, ``"GP15"``."""
        key = str(name)
        for prefix in ("", "GPIO", "GP"):
            if key.startswith(prefix) and key[len(prefix) :] in self._lines:
                return self._lines[key[len(prefix) :]]
        return None

    def fault(self, name: str, message: str) -> None:
        """Record what a real board would not forgive."""
        self._trace.fault(name, message, self._core.now_us)

    def configure(self, line: Line, mode: str, pull: str) -> None:
        """Set mode and pull; the trace gets the mode and the level it gives."""
        if pull == "up" and not line.pin.pull_up:
            self.fault("pin.pull", f"pin {line.pin.name} has no pull-up resistor")
            pull = ""
        line.mode, line.pull = mode, pull
        at_us = self._core.now_us
        self._trace.add(
            at_us, "pin", pin=line.pin.name, mode=self.mode(line), by="device"
        )
        self.settle(line, "device")
        self._conflict(line)

    def mode(self, line: Line) -> str:
        """The mode as contracts name it."""
        if line.mode == "input" and line.pull == "up":
            return "input_pullup"
        return line.mode

    def write(self, line: Line, level: int) -> None:
        """The firmware sets its output latch."""
        line.out = level
        self.settle(line, "device")

    def drive(self, line: Line, level: int | None) -> None:
        """The outside world takes hold of the wire, or lets it go."""
        line.driven = level
        self.settle(line, "world")
        self._conflict(line)

    def settle(self, line: Line, by: str) -> None:
        """Bring the level up to date; trace an edge and call its handler."""
        level = line.resolve()
        if level == line.level:
            return
        line.level = level
        self._trace.edge(self._core.now_us, line.pin.name, level, by)
        watch = line.watch
        if (
            watch
            and (watch.rising if level else watch.falling)
            and not self._core.interrupt(watch.call)
        ):
            self.fault("irq.lost", f"too many interrupts wait, pin {line.pin.name}")

    def switch(self, line: Line, hertz: int, duty_u16: int) -> None:
        """The firmware sets the PWM of a pin."""
        line.pwm_hz, line.pwm_u16 = hertz, duty_u16
        line.pwm_since_us = self._core.now_us
        duty = round(duty_u16 * 100 / 65_535, 2)
        self._trace.add(
            self._core.now_us,
            "pin",
            pin=line.pin.name,
            freq_hz=hertz,
            duty_percent=duty,
            by="device",
        )

    def _conflict(self, line: Line) -> None:
        if line.mode == "output" and line.driven not in (None, line.out):
            self.fault(
                "pin.short",
                f"pin {line.pin.name} puts out {line.out} and is held at {line.driven}",
            )

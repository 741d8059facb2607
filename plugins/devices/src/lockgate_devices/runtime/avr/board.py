"""The AVR board: a program in simavr, its pins, its UART and its ADC."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from lockgate_devices.runtime.avr.ports import AvrPin, Ports
from lockgate_devices.runtime.avr.simavr import MILLIVOLTS, Simavr
from lockgate_devices.runtime.avr.uart import Uart
from lockgate_devices.runtime.board import BoardStopped, pins_of
from lockgate_devices.runtime.trace import Trace

__all__ = ["AvrBoard"]

_ADMUX, _ADCSRB = 0x7C, 0x7B


class AvrBoard:
    """A board whose firmware is machine code; see `Board` for what it can do."""

    tells_modes = False

    def __init__(
        self,
        avr: Simavr,
        places: Mapping[str, Any],
        contract: Mapping[str, Any],
        cpu_seconds: float,
    ) -> None:
        self.trace = Trace()
        self.notes: list[str] = []
        self._avr = avr
        self._cpu_end = time.process_time() + cpu_seconds
        self._reached = False
        self._target = 0
        self._channel = [0, 0]
        pins = pins_of(contract["board"]["pins"])
        usb = contract["serial"].get("port") == "usb"
        self._ports = Ports(avr, pins, places, self.trace, lambda: self.now_us, usb=usb)
        self._uart = Uart(
            avr,
            contract["serial"]["baud"],
            self.trace,
            lambda: self.now_us,
            number=1 if usb else 0,
            registers=(0xC8, 0xCC, 0xCD) if usb else (0xC0, 0xC4, 0xC5),
            halt=self._halt,
        )
        avr.on(avr.register_irq(_ADMUX), self._admux)
        avr.on(avr.register_irq(_ADCSRB), self._adcsrb)

    @property
    def now_us(self) -> int:
        """Microseconds since reset."""
        return self._avr.cycle * 1_000_000 // self._avr.frequency

    def _halt(self) -> None:
        self._reached = True
        self._avr.halt()

    def _arrive(self, cycle: int) -> None:
        if cycle == self._target:
            self._halt()

    def advance(self, until_us: int, *, line: bool = False) -> None:
        """Run to `until_us`, or to the next whole line.

        Raises:
            BoardStopped: If the processor stops before.
        """
        avr = self._avr
        target = until_us * avr.frequency // 1_000_000
        if target <= avr.cycle:
            return
        self._uart.line_wanted = line
        self._reached = False
        self._target = target
        avr.after(target - avr.cycle, lambda: self._arrive(target))
        while not self._reached:
            if not avr.run():
                raise BoardStopped("firmware-ended", "the processor has stopped")
            if time.process_time() > self._cpu_end:
                message = "simulating the processor took too long"
                raise BoardStopped("cpu-limit", message)

    def send(self, data: bytes) -> None:
        """Put `data` on the receive wire."""
        self._uart.send(data)

    def take_line(self) -> bytes | None:
        """The next whole line from the board, or None."""
        return self._uart.take_line()

    def take(self) -> bytes:
        """All bytes from the board that nobody took."""
        return self._uart.take()

    def _pin(self, pin: str) -> AvrPin:
        found = self._ports.pins.get(pin)
        if found is None:
            message = f"the board has no pin {pin!r}"
            raise ValueError(message)
        return found

    def drive(self, pin: str, level: int | None) -> None:
        """Hold a pin at a level, or let it go."""
        self._pin(pin)
        self._ports.drive(pin, level)

    def analog(self, pin: str, value: int, maximum: int) -> None:
        """Put `value` of `maximum` on an analog input."""
        channel = self._pin(pin).channel
        if not 0 <= channel < 8:
            # simavr 1.6 takes voltages for the first eight channels only.
            self.notes.append(f"simavr cannot put a voltage on pin {pin}")
            return
        # Rounded up, so that the ADC's own rounding down gives `value` again.
        millivolts = -(-value * MILLIVOLTS // maximum)
        self._avr.raise_irq(self._avr.irq("adc ", channel), millivolts)
        self.trace.add(self.now_us, "analog", pin=pin, value=value, max=maximum)

    def _admux(self, value: int) -> None:
        self._channel[0] = value & 0x1F
        self._sampled()

    def _adcsrb(self, value: int) -> None:
        self._channel[1] = value >> 3 & 1

    def _sampled(self) -> None:
        low, high = self._channel
        self._ports.converted((low & 7) + 8 * high)

    def level(self, pin: str) -> int:
        """The level of the pin's wire now."""
        return self._pin(pin).level

    def mode(self, pin: str) -> str:
        """The pin's mode."""
        return self._pin(pin).mode

    def wave(self, pin: str, near_hz: float) -> tuple[float, float] | None:
        """Frequency and duty: a timer's by its registers, others are measured."""
        found = self._pin(pin)
        if found.mode == "pwm":
            return self._ports.timers.wave(found.timer)
        if found.timer and not self._ports.timers.knows(found.timer):
            self.notes.append(f"the wave on pin {pin} cannot be seen in simavr")
            return None
        start = self._avr.cycle
        self.advance(self.now_us + max(10_000, int(12_000_000 / near_hz)))
        edges: deque[tuple[int, int]] = deque(
            edge for edge in found.edges if edge[0] >= start
        )
        while edges and not edges[0][1]:
            edges.popleft()
        rises = [cycle for cycle, level in edges if level]
        if len(rises) < 2:
            return 0.0, 100.0 * found.level
        whole = rises[-1] - rises[0]
        high = sum(
            after - before
            for (before, level), (after, _) in pairwise(edges)
            if level and after <= rises[-1]
        )
        return (
            (len(rises) - 1) * self._avr.frequency / whole,
            high * 100 / whole,
        )

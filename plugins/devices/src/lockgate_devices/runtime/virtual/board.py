"""The virtual board: MicroPython firmware against virtual modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate_devices.runtime.board import BoardStopped, pins_of
from lockgate_devices.runtime.trace import Trace
from lockgate_devices.runtime.virtual.core import Core, CpuBudget
from lockgate_devices.runtime.virtual.firmware import Firmware
from lockgate_devices.runtime.virtual.lines import Line, Lines
from lockgate_devices.runtime.virtual.rig import Rig
from lockgate_devices.runtime.virtual.wire import Wire

__all__ = ["VirtualBoard"]

_U16 = 65_535
_PLATFORMS = {"esp32": "esp32", "m5stack": "esp32", "stm32": "pyboard", "pico": "rp2"}


class VirtualBoard:
    """A board whose firmware is Python; see `Board` for what it can be asked."""

    tells_modes = True

    def __init__(
        self, firmware: str, path: str, contract: Mapping[str, Any], budget: CpuBudget
    ) -> None:
        self.trace = Trace()
        board = contract["board"]
        self._core = Core(budget)
        self._lines = Lines(pins_of(board["pins"]), self._core, self.trace)
        self._wire = Wire(contract["serial"]["baud"], self._core, self.trace)
        self._rig = Rig(
            self._core,
            self._lines,
            self._wire,
            self.trace,
            platform=_PLATFORMS.get(contract.get("platform", ""), "esp32"),
            machine_name=str(board.get("name", "virtual board")),
            frequency=board.get("f_cpu") or 240_000_000,
        )
        self._firmware = Firmware(firmware, path, self._rig)

    @property
    def now_us(self) -> int:
        """Microseconds since reset."""
        return self._core.now_us

    @property
    def lost(self) -> int:
        """Bytes that came while the receive buffer was full."""
        return self._wire.lost

    def advance(
        self, until_us: int, *, line: bool = False, any_byte: bool = False
    ) -> None:
        """Run to `until_us`, or to the next whole line, or to the next bytes.

        Raises:
            BoardStopped: If the firmware ends before, or never asks for anything.
        """
        self._wire.line_wanted = line
        self._wire.byte_wanted = any_byte
        if not self._core.run(until_us):
            msg = "the firmware loops without a call into the board's modules"
            raise BoardStopped("cpu-limit", msg)
        if self._core.finished:
            raise BoardStopped(*self._firmware.outcome)

    def send(self, data: bytes) -> None:
        """Put `data` on the receive wire."""
        self._wire.send(data)

    def take_line(self) -> bytes | None:
        """The next whole line from the board, or None."""
        return self._wire.take_line()

    def take(self) -> bytes:
        """All bytes from the board that nobody took."""
        return self._wire.take()

    def _line(self, pin: str) -> Line:
        line = self._lines.find(pin)
        if line is None:
            msg = f"the board has no pin {pin!r}"
            raise ValueError(msg)
        return line

    def drive(self, pin: str, level: int | None) -> None:
        """Hold a pin at a level, or let it go."""
        self._lines.drive(self._line(pin), level)

    def analog(self, pin: str, value: int, maximum: int) -> None:
        """Put `value` of `maximum` on an analog input."""
        self._line(pin).analog_u16 = value * _U16 // maximum
        self.trace.add(self.now_us, "analog", pin=pin, value=value, max=maximum)

    def level(self, pin: str) -> int:
        """The level of the pin's wire now."""
        return self._line(pin).sample(self.now_us)

    def mode(self, pin: str) -> str:
        """The pin's mode."""
        return self._lines.mode(self._line(pin))

    def wave(self, pin: str, near_hz: float) -> tuple[float, float]:
        """Frequency and duty as the firmware set them."""
        del near_hz
        line = self._line(pin)
        if line.mode != "pwm" or line.pwm_u16 in (0, _U16):
            return 0.0, 100.0 * line.sample(self.now_us)
        return float(line.pwm_hz), line.pwm_u16 * 100 / _U16

    def close(self) -> None:
        """Switch the board off."""
        self._firmware.switch_off()

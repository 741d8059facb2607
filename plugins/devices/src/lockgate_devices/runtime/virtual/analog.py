"""`machine.ADC` and `machine.PWM`."""

from __future__ import annotations

from lockgate_devices.runtime.virtual.lines import Line
from lockgate_devices.runtime.virtual.pin import line_of
from lockgate_devices.runtime.virtual.rig import Costs, RigObject

__all__ = ["AdcObject", "PwmObject"]

_U16 = 65_535


class AdcObject(RigObject):
    """An analog input."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, pin: object, *, sample_ns: int = 0, atten: int = 3) -> None:
        del sample_ns, atten
        self.rig.core.tick(Costs.CALL)
        self._line = line_of(self, pin, "analog")
        self._bits = 12
        if self._line.owner and self._line.mode != "input":
            self.rig.lines.fault(
                "pin.reused", f"pin {self._line.pin.name} is {self._line.owner}"
            )
        self._line.owner = "used as an analog input"
        self.rig.lines.configure(self._line, "analog", "")

    def _sample(self) -> int:
        self.rig.core.tick(Costs.ADC)
        if self._line.analog_u16 is not None:
            return self._line.analog_u16
        return _U16 if self._line.level else 0

    def read_u16(self) -> int:
        """The voltage as 0..65535 of the range."""
        return self._sample()

    def read(self) -> int:
        """The raw value, 12 bits unless `width` says else."""
        return self._sample() >> (16 - self._bits)

    def read_uv(self) -> int:
        """The voltage in microvolts, of a range of 3.3 V."""
        return self._sample() * 3_300_000 // _U16

    def atten(self, level: int) -> None:
        """Set the attenuation; the virtual input has the whole range anyway."""
        if level not in range(4):
            msg = "invalid attenuation"
            raise ValueError(msg)

    def width(self, bits: int) -> None:
        """Set the bits of `read`."""
        if bits not in range(9, 13):
            msg = "invalid resolution"
            raise ValueError(msg)
        self._bits = bits


class PwmObject(RigObject):
    """A pin that is switched by a timer; its edges are not traced one by one."""

    def __init__(
        self,
        dest: object,
        freq: int | None = None,
        duty: int | None = None,
        *,
        duty_u16: int | None = None,
        duty_ns: int | None = None,
        invert: bool = False,
    ) -> None:
        del invert
        self.rig.core.tick(Costs.CALL)
        self._line: Line = line_of(self, dest, "pwm")
        line_of(self, dest, "output")
        if self._line.owner and self._line.mode not in ("output", "pwm"):
            self.rig.lines.fault(
                "pin.reused", f"pin {self._line.pin.name} is {self._line.owner}"
            )
        self._line.owner = "used as PWM"
        self._line.pwm_hz = self._line.pwm_hz or 5_000
        self.rig.lines.configure(self._line, "pwm", "")
        self._apply(freq, duty, duty_u16, duty_ns)

    def init(
        self,
        freq: int | None = None,
        duty: int | None = None,
        *,
        duty_u16: int | None = None,
        duty_ns: int | None = None,
    ) -> None:
        """Change frequency and duty together."""
        self.rig.core.tick(Costs.CALL)
        self._apply(freq, duty, duty_u16, duty_ns)

    def _apply(
        self,
        freq: int | None,
        duty: int | None,
        duty_u16: int | None,
        duty_ns: int | None,
    ) -> None:
        line = self._line
        hertz = line.pwm_hz if freq is None else freq
        if not 1 <= hertz <= 40_000_000:
            msg = "frequency must be from 1Hz to 40MHz"
            raise ValueError(msg)
        width = line.pwm_u16
        if duty_u16 is not None:
            width = duty_u16
        elif duty is not None:
            if not 0 <= duty <= 1023:
                msg = "duty must be 0..1023"
                raise ValueError(msg)
            width = duty * _U16 // 1023
        elif duty_ns is not None:
            width = duty_ns * hertz * _U16 // 1_000_000_000
        if not 0 <= width <= _U16:
            msg = "duty_u16 must be 0..65535"
            raise ValueError(msg)
        if line.mode != "pwm":
            self.rig.lines.configure(line, "pwm", "")
        if (hertz, width) != (line.pwm_hz, line.pwm_u16):
            self.rig.lines.switch(line, hertz, width)

    def freq(self, value: int | None = None) -> int | None:
        """Get or set the frequency in hertz."""
        self.rig.core.tick(Costs.CALL)
        if value is None:
            return self._line.pwm_hz
        self._apply(value, None, None, None)
        return None

    def duty(self, value: int | None = None) -> int | None:
        """Get or set the duty as 0..1023."""
        self.rig.core.tick(Costs.CALL)
        if value is None:
            return self._line.pwm_u16 * 1023 // _U16
        self._apply(None, value, None, None)
        return None

    def duty_u16(self, value: int | None = None) -> int | None:
        """Get or set the duty as 0..65535."""
        self.rig.core.tick(Costs.CALL)
        if value is None:
            return self._line.pwm_u16
        self._apply(None, None, value, None)
        return None

    def duty_ns(self, value: int | None = None) -> int | None:
        """Get or set the pulse width in nanoseconds."""
        self.rig.core.tick(Costs.CALL)
        if value is None:
            return self._line.pwm_u16 * 1_000_000_000 // (self._line.pwm_hz * _U16)
        self._apply(None, None, None, value)
        return None

    def deinit(self) -> None:
        """Stop switching; the pin is a plain output at low."""
        self.rig.core.tick(Costs.CALL)
        self._line.pwm_u16 = 0
        self.rig.lines.configure(self._line, "output", "")

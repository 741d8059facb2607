"""An analog sensor: a voltage, sampled at a steady pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lockgate_firmware._data import Document
from lockgate_firmware.parts.base import Command, Part, Round, Row, argument_error, mode

__all__ = ["Sensor"]

_MARGIN_MS = 20
_RARE_MS = 5000
"""From here on a scenario waits for one sample only, so that it stays short."""


@dataclass(frozen=True, slots=True)
class Sensor(Part):
    """A voltage as the ADC reads it, from 0 to `maximum`, every `sample_ms`."""

    kind: ClassVar[str] = "sensor"
    row: ClassVar[Row] = Row(
        types="`sensor`, `temperature`, `humidity`, `pressure`, `light`, "
        "`potentiometer`",
        pins="one analog input",
        at_reset="analog input, sampled once",
        does="samples the voltage every `timing.SAMPLE_RATE` ms and answers with "
        "the last sample, as the raw number of the ADC",
        commands="`ID` -> `ID 0..MAX` (1023 on AVR, else 4095)",
        timing="`SAMPLE_RATE`, else `UPDATE_INTERVAL`, else 100 ms",
        refused="a pin without an analog input",
    )
    micropython_class: ClassVar[str] = '''\
class Sensor:
    """A voltage, sampled at a steady pace; read_u16() is scaled to the ADC's bits."""

    def __init__(self, pin, shift, sample_ms):
        self.adc = ADC(Pin(pin))
        if hasattr(ADC, "ATTN_11DB"):
            self.adc.atten(ADC.ATTN_11DB)  # the whole range, up to about 3.1 V
        self.shift = shift
        self.sample_ms = sample_ms
        self.sample(time.ticks_ms())

    def sample(self, now):
        self.sampled = now
        self.value = self.adc.read_u16() >> self.shift

    def tick(self, now):
        if time.ticks_diff(now, self.sampled) >= self.sample_ms:
            self.sample(now)

    def answer(self, argument):
        return self.value if argument is None else None
'''
    cpp_struct: ClassVar[str] = """\
// A voltage, sampled at a steady pace.
class Sensor {
 public:
  Sensor(uint8_t pin, uint16_t sample_ms)
      : pin_(pin), sample_ms_(sample_ms), value_(0), sampled_(0) {}

  // No pinMode: a pin is an input after reset, and the core's tables do not know
  // pins that are analog only (A6 and A7 of a Nano).
  void begin() { sample(millis()); }

  void tick(uint32_t now) {
    if (now - sampled_ >= sample_ms_) {
      sample(now);
    }
  }

  bool answer(bool given, int32_t, int32_t &value) const {
    value = value_;
    return !given;
  }

 private:
  void sample(uint32_t now) {
    sampled_ = now;
    value_ = analogRead(pin_);
  }

  const uint8_t pin_;
  const uint16_t sample_ms_;
  int16_t value_;
  uint32_t sampled_;
};
"""

    sample_ms: int = 100
    maximum: int = 1023

    @property
    def mode(self) -> str:
        """An analog input."""
        return "analog"

    @property
    def machine_names(self) -> frozenset[str]:
        """Pin and ADC."""
        return frozenset({"Pin", "ADC"})

    def commands(self) -> tuple[Command, ...]:
        """Read only."""
        doc = f"Return the last sample, from 0 to {self.maximum}."
        return (Command(f"{self.id}_get", doc, "int"),)

    def extras(self) -> Document:
        """Its range and its pace."""
        return {"max": self.maximum, "sample_ms": self.sample_ms}

    def start_steps(self) -> Sequence[Document]:
        """An analog input."""
        return (mode(self.pin, "analog"),)

    def rounds(self) -> Sequence[Round]:
        """Two voltages (one if samples are rare), each read once a sample was due."""
        (get,) = self.commands()
        values = (self.maximum * 3 // 4, 17)
        return tuple(
            Round(
                (self._voltage(value),),
                self.sample_ms + _MARGIN_MS,
                (self.call(get, None, value),),
            )
            for value in (values if self.sample_ms <= _RARE_MS else values[:1])
        )

    def _voltage(self, value: int) -> Document:
        return {"do": "analog", "pin": self.pin, "value": value, "max": self.maximum}

    def use_steps(self) -> Sequence[Document]:
        """It takes no argument."""
        return (argument_error(f"{self.id} 1"),)

    def micropython_arguments(self) -> str:
        """From 16 bits to the ADC's, and the pace."""
        return f"{16 - self.maximum.bit_length()}, {self.sample_ms}"

    def cpp_initialiser(self) -> str:
        """The pace."""
        return str(self.sample_ms)

"""A motor: speed by PWM, and a direction pin where the spec names one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lockgate_firmware._data import Document
from lockgate_firmware._text import python_pin
from lockgate_firmware.parts.base import (
    Command,
    Part,
    Row,
    argument_error,
    level,
    mode,
    pwm,
)

__all__ = ["Motor"]


@dataclass(frozen=True, slots=True)
class Motor(Part):
    """A PWM output of `pwm_hz`; `direction_pin` is high while it runs backwards."""

    kind: ClassVar[str] = "motor"
    row: ClassVar[Row] = Row(
        types="`motor`, `fan`, `pump`",
        pins="one PWM output, and an output for the direction if the spec names "
        "one (`direction_pin`, or `X_DIR` beside `X_PWM` in `pins`)",
        at_reset="PWM of 0 % (low); direction low",
        does="holds the duty cycle that it was told, in percent; below 0 the "
        "direction pin is high",
        commands="`ID` -> `ID N`; `ID N` -> `ID N`, N from 0 (-100 with a direction "
        "pin) to 100",
        timing="`PWM_FREQUENCY`, else 1000 Hz; on AVR what the pin's timer gives",
        refused="a pin without PWM",
    )
    micropython_class: ClassVar[str] = '''\
class Motor:
    """A duty cycle in percent; below 0 the direction pin is high."""

    def __init__(self, pin, hz, direction):
        self.direction = None
        self.lowest = 0
        if direction is not None:
            self.direction = Pin(direction, Pin.OUT, value=0)
            self.lowest = -100
        self.pwm = PWM(Pin(pin), freq=hz, duty_u16=0)
        self.value = 0

    def tick(self, now):
        pass

    def answer(self, argument):
        if argument is not None:
            if not self.lowest <= argument <= 100:
                return None
            self.value = argument
            if self.direction is not None:
                self.direction.value(1 if argument < 0 else 0)
            self.pwm.duty_u16(abs(argument) * 65535 // 100)
        return self.value
'''
    cpp_struct: ClassVar[str] = """\
// A duty cycle in percent; below 0 the direction pin is high.
class Motor {
 public:
  Motor(uint8_t pin, uint8_t direction)
      : pin_(pin), direction_(direction), value_(0) {}

  void begin() {
    if (direction_ != kNoPin) {
      digitalWrite(direction_, LOW);
      pinMode(direction_, OUTPUT);
    }
    pinMode(pin_, OUTPUT);
    analogWrite(pin_, 0);
  }

  static void tick(uint32_t) {}

  bool answer(bool given, int32_t argument, int32_t &value) {
    if (given) {
      if (argument < (direction_ != kNoPin ? -100 : 0) || argument > 100) {
        return false;
      }
      value_ = argument;
      if (direction_ != kNoPin) {
        digitalWrite(direction_, argument < 0 ? HIGH : LOW);
      }
      const int32_t percent = argument < 0 ? -argument : argument;
      analogWrite(pin_, (percent * 255 + 50) / 100);
    }
    value = value_;
    return true;
  }

 private:
  static constexpr uint8_t kNoPin = 255;

  const uint8_t pin_;
  const uint8_t direction_;
  int8_t value_;
};
"""

    pwm_hz: int = 1000
    direction_pin: str = ""

    @property
    def mode(self) -> str:
        """A PWM output."""
        return "pwm"

    @property
    def pins(self) -> Mapping[str, str]:
        """The PWM pin, and the direction pin if there is one."""
        own = {self.pin: "pwm"}
        return {**own, self.direction_pin: "output"} if self.direction_pin else own

    @property
    def machine_names(self) -> frozenset[str]:
        """Pin and PWM."""
        return frozenset({"Pin", "PWM"})

    @property
    def low(self) -> int:
        """The lowest speed."""
        return -100 if self.direction_pin else 0

    def commands(self) -> tuple[Command, ...]:
        """Read and set."""
        return (
            Command(f"{self.id}_get", "Return its speed in percent.", "int"),
            Command(
                f"{self.id}_set",
                f"Set its speed in percent, from {self.low} to 100.",
                "int",
                "int",
                self.low,
                100,
                example=50,
                reply=50,
            ),
        )

    def extras(self) -> Document:
        """Its frequency and its direction pin."""
        return {
            "pwm_hz": self.pwm_hz,
            "direction_pin": self.direction_pin or None,
        }

    def start_steps(self) -> Sequence[Document]:
        """PWM at rest."""
        steps = [mode(self.pin, "pwm"), pwm(self.pin, self.pwm_hz, 0)]
        if self.direction_pin:
            steps += [mode(self.direction_pin, "output"), level(self.direction_pin, 0)]
        return steps

    def use_steps(self) -> Sequence[Document]:
        """Speeds forwards (and backwards), rest, and speeds out of range."""
        get, put = self.commands()
        steps: list[Document] = [
            self.call(put, 75, 75),
            pwm(self.pin, self.pwm_hz, 75),
            self.call(get, None, 75),
        ]
        if self.direction_pin:
            steps += [
                level(self.direction_pin, 0),
                self.call(put, -25, -25),
                level(self.direction_pin, 1),
                pwm(self.pin, self.pwm_hz, 25),
            ]
        return (
            *steps,
            argument_error(f"{self.id} 101"),
            argument_error(f"{self.id} {self.low - 1}"),
            self.call(put, 0, 0),
            pwm(self.pin, self.pwm_hz, 0),
        )

    def micropython_arguments(self) -> str:
        """Frequency and direction pin."""
        direction = python_pin(self.direction_pin) if self.direction_pin else "None"
        return f"{self.pwm_hz}, {direction}"

    def cpp_initialiser(self) -> str:
        """The direction pin, or none."""
        return self.direction_pin or "255"

"""A rotary encoder: two inputs in quadrature, four counts to a full step."""

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
    arduino_mode,
    argument_error,
    drive,
    micropython_pull,
    mode,
    run,
)

__all__ = ["COUNT_LIMIT", "Encoder"]

COUNT_LIMIT = 999_999_999
"""The count stops here, so that it is a small integer on every target."""

_STEP_MS = 5
"""What a scenario waits between two edges; the firmware looks every millisecond."""

_FORWARD = ((0, 1), (0, 0), (1, 0), (1, 1))
"""Levels of A and B, from both high: A leads B."""
_BACKWARD = ((1, 0), (0, 0), (0, 1), (1, 1))


@dataclass(frozen=True, slots=True)
class Encoder(Part):
    """Two inputs; the count goes up while A leads B."""

    kind: ClassVar[str] = "encoder"
    row: ClassVar[Row] = Row(
        types="`encoder`",
        pins="two inputs: `pin` is A; B is `pin_b`, or `X_B` beside `X_A` in `pins`",
        at_reset="inputs with pull-up, count 0",
        does="counts every edge of both signals, up while A leads B; it stops at "
        f"±{COUNT_LIMIT}",
        commands="`ID` -> `ID N`; `ID 0` -> `ID 0` (sets it back)",
        timing="looks about once a millisecond: up to 500 edges a second",
        refused="no second pin; a pin without pull-up, unless the spec says "
        "`pull: external`",
    )
    micropython_class: ClassVar[str] = '''\
class Encoder:
    """Two inputs in quadrature; the count goes up while A leads B."""

    # Indexed by the levels before and now: AB << 2 | AB.
    STEPS = (0, -1, 1, 0, 1, 0, 0, -1, -1, 0, 0, 1, 0, 1, -1, 0)
    LIMIT = 999999999

    def __init__(self, pin_a, pull, pin_b):
        self.a = Pin(pin_a, Pin.IN, pull)
        self.b = Pin(pin_b, Pin.IN, pull)
        self.levels = self.a.value() << 1 | self.b.value()
        self.value = 0

    def tick(self, now):
        levels = self.a.value() << 1 | self.b.value()
        value = self.value + self.STEPS[self.levels << 2 | levels]
        self.levels = levels
        if -self.LIMIT <= value <= self.LIMIT:
            self.value = value

    def answer(self, argument):
        if argument is not None:
            if argument != 0:
                return None
            self.value = 0
        return self.value
'''
    cpp_struct: ClassVar[str] = """\
// Two inputs in quadrature; the count goes up while A leads B.
class Encoder {
 public:
  Encoder(uint8_t pin_a, uint8_t mode, uint8_t pin_b)
      : pin_a_(pin_a), pin_b_(pin_b), mode_(mode), levels_(0), value_(0) {}

  void begin() {
    pinMode(pin_a_, mode_);
    pinMode(pin_b_, mode_);
    levels_ = levels();
  }

  void tick(uint32_t) {
    // Indexed by the levels before and now: AB << 2 | AB.
    static const int8_t kSteps[16] = {0,  -1, 1, 0, 1, 0, 0,  -1,
                                      -1, 0,  0, 1, 0, 1, -1, 0};
    const uint8_t now = levels();
    const int8_t step = kSteps[levels_ << 2 | now];
    levels_ = now;
    if (value_ + step >= -kLimit && value_ + step <= kLimit) {
      value_ += step;
    }
  }

  bool answer(bool given, int32_t argument, int32_t &value) {
    if (given) {
      if (argument != 0) {
        return false;
      }
      value_ = 0;
    }
    value = value_;
    return true;
  }

 private:
  static constexpr int32_t kLimit = 999999999;

  uint8_t levels() const {
    const uint8_t a = digitalRead(pin_a_) == HIGH ? 2 : 0;
    const uint8_t b = digitalRead(pin_b_) == HIGH ? 1 : 0;
    return a | b;
  }

  const uint8_t pin_a_;
  const uint8_t pin_b_;
  const uint8_t mode_;
  uint8_t levels_;
  int32_t value_;
};
"""

    pin_b: str = ""
    pull: str = "internal"

    @property
    def mode(self) -> str:
        """An input, with the processor's pull-up if nothing else holds it."""
        return "input_pullup" if self.pull == "internal" else "input"

    @property
    def pins(self) -> Mapping[str, str]:
        """A and B."""
        return {self.pin: self.mode, self.pin_b: self.mode}

    def commands(self) -> tuple[Command, ...]:
        """Read and set back."""
        return (
            Command(f"{self.id}_get", "Return the count.", "int"),
            Command(
                f"{self.id}_reset",
                "Set the count; only 0 is allowed.",
                "int",
                "int",
                0,
                0,
                example=0,
            ),
        )

    def extras(self) -> Document:
        """The second pin and the pull."""
        return {"pin_b": self.pin_b, "pull": self.pull}

    def start_steps(self) -> Sequence[Document]:
        """Two inputs."""
        return (mode(self.pin, self.mode), mode(self.pin_b, self.mode))

    def _turn(self, levels: Sequence[tuple[int, int]]) -> list[Document]:
        steps: list[Document] = []
        for a, b in levels:
            steps += [drive(self.pin, a), drive(self.pin_b, b), run(_STEP_MS)]
        return steps

    def use_steps(self) -> Sequence[Document]:
        """A full step forwards and two back, counted edge by edge."""
        get, put = self.commands()
        return (
            *self._turn(_FORWARD[-1:]),
            self.call(put, 0, 0),
            *self._turn(_FORWARD[:1]),
            self.call(get, None, 1),
            *self._turn(_FORWARD[1:]),
            self.call(get, None, 4),
            *self._turn(_BACKWARD * 2),
            self.call(get, None, -4),
            argument_error(f"{self.id} 1"),
            self.call(put, 0, 0),
            self.call(get, None, 0),
        )

    def micropython_arguments(self) -> str:
        """Pull and second pin."""
        return f"{micropython_pull(self.pull)}, {python_pin(self.pin_b)}"

    def cpp_initialiser(self) -> str:
        """Pin mode and second pin."""
        return f"{arduino_mode(self.pull)}, {self.pin_b}"

"""A speaker or buzzer: one square wave at a time, of a given pitch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lockgate_firmware._data import Document
from lockgate_firmware.parts.base import (
    Command,
    Part,
    Row,
    argument_error,
    mode,
    pwm,
)

__all__ = ["HIGHEST_HZ", "LOWEST_HZ", "Speaker"]

LOWEST_HZ = 31
"""The lowest pitch that an AVR's 8-bit timer reaches."""
HIGHEST_HZ = 20_000


@dataclass(frozen=True, slots=True)
class Speaker(Part):
    """A square wave of the pitch that it was told, or silence."""

    kind: ClassVar[str] = "speaker"
    row: ClassVar[Row] = Row(
        types="`speaker`, `buzzer`",
        pins="one output (with PWM, but for AVR)",
        at_reset="silent (low)",
        does="holds a square wave of the pitch that it was told, 50 % high",
        commands=f"`ID` -> `ID N`; `ID N` -> `ID N`, N 0 (silent) or {LOWEST_HZ} to "
        f"{HIGHEST_HZ} Hz",
        timing="the pitch within 2 %",
        refused="on AVR a second speaker, or a motor on the timer of `tone()`",
    )
    micropython_class: ClassVar[str] = '''\
class Speaker:
    """A square wave of the pitch that it was told; 0 is silence."""

    LOWEST_HZ = 31
    HIGHEST_HZ = 20000

    def __init__(self, pin):
        self.pwm = PWM(Pin(pin), freq=440, duty_u16=0)
        self.value = 0

    def tick(self, now):
        pass

    def answer(self, argument):
        if argument is not None:
            if argument and not self.LOWEST_HZ <= argument <= self.HIGHEST_HZ:
                return None
            self.value = argument
            if argument:
                self.pwm.freq(argument)
            self.pwm.duty_u16(32768 if argument else 0)
        return self.value
'''
    cpp_struct: ClassVar[str] = """\
// A square wave of the pitch that it was told; 0 is silence.
class Speaker {
 public:
  explicit Speaker(uint8_t pin) : pin_(pin), value_(0) {}

  void begin() {
    digitalWrite(pin_, LOW);
    pinMode(pin_, OUTPUT);
  }

  static void tick(uint32_t) {}

  bool answer(bool given, int32_t argument, int32_t &value) {
    if (given) {
      if (argument != 0 && (argument < kLowestHz || argument > kHighestHz)) {
        return false;
      }
      value_ = argument;
      if (argument != 0) {
        tone(pin_, value_);
      } else {
        noTone(pin_);
        digitalWrite(pin_, LOW);
      }
    }
    value = value_;
    return true;
  }

 private:
  static constexpr int32_t kLowestHz = 31;
  static constexpr int32_t kHighestHz = 20000;

  const uint8_t pin_;
  uint16_t value_;
};
"""

    @property
    def mode(self) -> str:
        """A PWM output (on AVR an output that a timer toggles)."""
        return "pwm"

    @property
    def machine_names(self) -> frozenset[str]:
        """Pin and PWM."""
        return frozenset({"Pin", "PWM"})

    def commands(self) -> tuple[Command, ...]:
        """Read and set."""
        return (
            Command(f"{self.id}_get", "Return the pitch in Hz, 0 if silent.", "int"),
            Command(
                f"{self.id}_set",
                f"Sound a pitch of {LOWEST_HZ} to {HIGHEST_HZ} Hz; 0 is silence.",
                "int",
                "int",
                0,
                HIGHEST_HZ,
                example=440,
                reply=440,
            ),
        )

    def extras(self) -> Document:
        """The range of its pitch."""
        return {"lowest_hz": LOWEST_HZ, "highest_hz": HIGHEST_HZ}

    def start_steps(self) -> Sequence[Document]:
        """Silence."""
        return (mode(self.pin, "pwm"), pwm(self.pin, 440, 0))

    def use_steps(self) -> Sequence[Document]:
        """Two pitches, silence, and pitches out of range."""
        get, put = self.commands()
        return (
            self.call(put, 440, 440),
            pwm(self.pin, 440, 50),
            self.call(put, 1000, 1000),
            pwm(self.pin, 1000, 50),
            self.call(get, None, 1000),
            argument_error(f"{self.id} {LOWEST_HZ - 1}"),
            argument_error(f"{self.id} {HIGHEST_HZ + 1}"),
            argument_error(f"{self.id} -440"),
            self.call(put, 0, 0),
            pwm(self.pin, 440, 0),
        )

    def micropython_arguments(self) -> str:
        """None."""
        return ""

    def cpp_initialiser(self) -> str:
        """None."""
        return ""

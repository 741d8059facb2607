"""A button or switch: one debounced input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lockgate_firmware._data import Document
from lockgate_firmware.parts.base import (
    DEBOUNCE_MS,
    SETTLE_MS,
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

__all__ = ["Button"]


@dataclass(frozen=True, slots=True)
class Button(Part):
    """A debounced input. `pull` says who holds its level while it is released.

    ``internal``: the processor's pull-up; ``board``: a resistor on the board;
    ``external``: one that the spec promises.
    """

    kind: ClassVar[str] = "button"
    row: ClassVar[Row] = Row(
        types="`button`, `switch`",
        pins="one input",
        at_reset="input with pull-up (plain input where the board has a resistor)",
        does=(
            "pressed is low (`active: high` turns it round); a level counts once "
            f"it was steady for {DEBOUNCE_MS} ms"
        ),
        commands="`ID` -> `ID 0\\|1` (1 is pressed)",
        timing=f"debounce {DEBOUNCE_MS} ms",
        refused="a pin without pull-up, unless the board has a resistor or the "
        "spec says `pull: external`",
    )
    micropython_class: ClassVar[str] = '''\
class Button:
    """A debounced input: a level counts once it has been steady."""

    def __init__(self, pin, pull, pressed_level):
        self.pin = Pin(pin, Pin.IN, pull)
        self.pressed_level = pressed_level
        self.steady = self.seen = self.pin.value()
        self.since = time.ticks_ms()

    def tick(self, now):
        level = self.pin.value()
        if level != self.seen:
            self.seen = level
            self.since = now
        elif time.ticks_diff(now, self.since) >= DEBOUNCE_MS:
            self.steady = level

    def answer(self, argument):
        if argument is not None:
            return None
        return 1 if self.steady == self.pressed_level else 0
'''
    cpp_struct: ClassVar[str] = """\
// A debounced input: a level counts once it has been steady.
class Button {
 public:
  Button(uint8_t pin, uint8_t mode, uint8_t pressed_level)
      : pin_(pin), mode_(mode), pressed_level_(pressed_level),
        steady_(HIGH), seen_(HIGH), since_(0) {}

  void begin() {
    pinMode(pin_, mode_);
    steady_ = seen_ = level();
    since_ = millis();
  }

  void tick(uint32_t now) {
    const uint8_t seen = level();
    if (seen != seen_) {
      seen_ = seen;
      since_ = now;
    } else if (now - since_ >= kDebounceMs) {
      steady_ = seen;
    }
  }

  bool answer(bool given, int32_t, int32_t &value) const {
    value = steady_ == pressed_level_ ? 1 : 0;
    return !given;
  }

 private:
  uint8_t level() const { return digitalRead(pin_) == HIGH ? HIGH : LOW; }

  const uint8_t pin_;
  const uint8_t mode_;
  const uint8_t pressed_level_;
  uint8_t steady_;
  uint8_t seen_;
  uint32_t since_;
};
"""

    pull: str = "internal"
    active_low: bool = True

    @property
    def mode(self) -> str:
        """An input, with the processor's pull-up if nothing else holds it."""
        return "input_pullup" if self.pull == "internal" else "input"

    def commands(self) -> tuple[Command, ...]:
        """Read only."""
        return (Command(f"{self.id}_get", "Return whether it is pressed.", "bool"),)

    def extras(self) -> Document:
        """Its polarity, its pull and its debounce."""
        return {
            "active_low": self.active_low,
            "pull": self.pull,
            "debounce_ms": DEBOUNCE_MS,
        }

    def start_steps(self) -> Sequence[Document]:
        """An input of the right kind."""
        return (mode(self.pin, self.mode),)

    def use_steps(self) -> Sequence[Document]:
        """Pressed, bouncing, let go; a level that no one drives is released."""
        (get,) = self.commands()
        pressed, released = (0, 1) if self.active_low else (1, 0)
        left_alone = None if self.pull != "external" else released
        return (
            drive(self.pin, released),
            run(SETTLE_MS),
            self.call(get, None, 0),
            drive(self.pin, pressed),
            run(SETTLE_MS),
            self.call(get, None, 1),
            # A bounce shorter than the debounce is not seen.
            drive(self.pin, released),
            run(DEBOUNCE_MS // 4),
            self.call(get, None, 1),
            drive(self.pin, pressed),
            run(SETTLE_MS),
            self.call(get, None, 1),
            drive(self.pin, left_alone),
            run(SETTLE_MS),
            self.call(get, None, 0),
            argument_error(f"{self.id} 1"),
        )

    def micropython_arguments(self) -> str:
        """Pull and polarity."""
        return f"{micropython_pull(self.pull)}, {0 if self.active_low else 1}"

    def cpp_initialiser(self) -> str:
        """Pin mode and polarity."""
        return f"{arduino_mode(self.pull)}, {'LOW' if self.active_low else 'HIGH'}"

"""A light (or relay): one output that is on or off, and may blink until told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lockgate_firmware._data import Data, Document
from lockgate_firmware.parts.base import (
    Command,
    Part,
    Round,
    Row,
    argument_error,
    level,
    mode,
)

__all__ = ["EDGE_TOLERANCE_MS", "Led"]

EDGE_TOLERANCE_MS = 10
"""How far from its time an edge may be: one turn of the main loop and a bit."""

_LONG_MS = 3000
"""From here on a scenario waits for one edge only, so that it stays short."""


@dataclass(frozen=True, slots=True)
class Led(Part):
    """An output. `blink_ms` is the time between two edges, 0 for none."""

    kind: ClassVar[str] = "led"
    row: ClassVar[Row] = Row(
        types="`led`, `relay`",
        pins="one output",
        at_reset="output, off (low, or high with `active: low`)",
        does=(
            "a `led` with `timing.BLINK_INTERVAL` toggles every so many ms until "
            "its first `ID 0` or `ID 1`; a `relay` never blinks"
        ),
        commands="`ID` -> `ID 0\\|1`; `ID 0\\|1` -> `ID 0\\|1`",
        timing=f"edges {EDGE_TOLERANCE_MS} ms around their time",
        refused="an input-only or reserved pin",
    )
    micropython_class: ClassVar[str] = '''\
class Led:
    """An output: blinks until it is first told what to be."""

    def __init__(self, pin, on_level, blink_ms):
        self.on_level = on_level
        self.blink_ms = blink_ms
        self.value = 0
        self.changed = time.ticks_ms()
        self.pin = Pin(pin, Pin.OUT, value=1 - on_level)

    def show(self, value):
        self.value = value
        self.pin.value(self.on_level if value else 1 - self.on_level)

    def tick(self, now):
        if self.blink_ms and time.ticks_diff(now, self.changed) >= self.blink_ms:
            self.changed = now
            self.show(1 - self.value)

    def answer(self, argument):
        if argument is not None:
            if argument not in (0, 1):
                return None
            self.blink_ms = 0
            self.show(argument)
        return self.value
'''
    cpp_struct: ClassVar[str] = """\
// An output: blinks until it is first told what to be.
class Led {
 public:
  Led(uint8_t pin, bool on_level, uint16_t blink_ms)
      : pin_(pin), on_level_(on_level), value_(false), blink_ms_(blink_ms),
        changed_(0) {}

  void begin() {
    show(false);
    pinMode(pin_, OUTPUT);
    changed_ = millis();
  }

  void tick(uint32_t now) {
    if (blink_ms_ != 0 && now - changed_ >= blink_ms_) {
      changed_ = now;
      show(!value_);
    }
  }

  bool answer(bool given, int32_t argument, int32_t &value) {
    if (given) {
      if (argument != 0 && argument != 1) {
        return false;
      }
      blink_ms_ = 0;
      show(argument == 1);
    }
    value = value_ ? 1 : 0;
    return true;
  }

 private:
  void show(bool value) {
    value_ = value;
    digitalWrite(pin_, value == on_level_ ? HIGH : LOW);
  }

  const uint8_t pin_;
  const bool on_level_;
  bool value_;
  uint16_t blink_ms_;
  uint32_t changed_;
};
"""

    blink_ms: int = 0
    active_low: bool = False

    @property
    def mode(self) -> str:
        """Always an output."""
        return "output"

    @property
    def initial(self) -> int:
        """The pin's level just after reset."""
        return 1 if self.active_low else 0

    def _on(self, value: int) -> int:
        return 1 - value if self.active_low else value

    def commands(self) -> tuple[Command, ...]:
        """Read and set."""
        return (
            Command(f"{self.id}_get", "Return whether it is on.", "bool"),
            Command(
                f"{self.id}_set",
                f"Switch it on or off{'; it stops blinking' * bool(self.blink_ms)}.",
                "bool",
                "bool",
                0,
                1,
                example=1,
                reply=1,
            ),
        )

    def extras(self) -> Document:
        """Its level at reset, its polarity and its blinking."""
        return {
            "initial": self.initial,
            "active_low": self.active_low,
            "blink_ms": self.blink_ms,
        }

    def start_steps(self) -> Sequence[Document]:
        """An output at its first level."""
        return (mode(self.pin, "output"), level(self.pin, self.initial))

    def idle_steps(self) -> Sequence[Document]:
        """It blinks; or it stays as it is."""
        if not self.blink_ms:
            return (level(self.pin, self.initial),)
        long = self.blink_ms > _LONG_MS
        step: dict[str, Data] = {
            "do": "edges",
            "pin": self.pin,
            "within_ms": self.blink_ms + 50 if long else self.blink_ms * 5 // 2,
            "period_ms": self.blink_ms,
            "count_min": 1 if long else 2,
            "count_max": 2 if long else 3,
            "tolerance_ms": EDGE_TOLERANCE_MS,
        }
        return (step,)

    def rounds(self) -> Sequence[Round]:
        """It no longer blinks once it was told to be on."""
        if not self.blink_ms:
            return ()
        _, put = self.commands()
        on = level(self.pin, self._on(1))
        wait_ms = self.blink_ms + self.blink_ms // 4
        return (Round((self.call(put, 1, 1), on), wait_ms, (on,), (self.pin,)),)

    def use_steps(self) -> Sequence[Document]:
        """On, off, asked, and asked for nonsense."""
        get, put = self.commands()
        return (
            self.call(put, 1, 1),
            level(self.pin, self._on(1)),
            self.call(get, None, 1),
            self.call(put, 0, 0),
            level(self.pin, self._on(0)),
            self.call(get, None, 0),
            argument_error(f"{self.id} 2"),
            argument_error(f"{self.id} -1"),
            level(self.pin, self._on(0)),
        )

    def micropython_arguments(self) -> str:
        """On level and blink interval."""
        return f"{1 - int(self.active_low)}, {self.blink_ms}"

    def cpp_initialiser(self) -> str:
        """On level and blink interval."""
        return f"{'false' if self.active_low else 'true'}, {self.blink_ms}"

"""Pins held against the board: who takes which, and whether the pin can do it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockgate_firmware._words import KIND_OF, NOT_DRIVEN
from lockgate_firmware.boards import Board
from lockgate_firmware.model import Missing
from lockgate_firmware.parts import (
    Button,
    Encoder,
    Led,
    Motor,
    Part,
    Sensor,
    Speaker,
)
from lockgate_firmware.problems import Review, did_you_mean, shown
from lockgate_firmware.resolve._checks import Checks
from lockgate_firmware.spec import PeripheralSpec, Spec

__all__ = ["Wiring"]

_DEFAULT_PWM_HZ = 1000
_DEFAULT_SAMPLE_MS = 100
_ANALOG_TYPES = ("", "analog", "voltage")


@dataclass(slots=True)
class Wiring:
    """The pins of one spec on one board."""

    spec: Spec
    board: Board
    review: Review
    _taken: dict[str, str] = field(default_factory=dict[str, str])
    """Canonical pin -> the place in the spec that took it."""

    def parts(self) -> tuple[tuple[Part, ...], tuple[Missing, ...]]:
        """The peripherals that are driven, and those that are not."""
        parts: list[Part] = []
        missing: list[Missing] = []
        checks = Checks(self.board, self.review)
        for item in self.spec.peripherals:
            if item.type in NOT_DRIVEN:
                missing.append(self._missing(item))
                continue
            part = self._part(item, checks)
            if part is not None:
                parts.append(part)
        checks.timers(parts, self._taken)
        return tuple(parts), tuple(missing)

    def _missing(self, item: PeripheralSpec) -> Missing:
        pin = self._take(item.pin, f"{item.place}.pin") if item.pin else ""
        self.review.substituted(
            item.place,
            f"A {item.type} is not driven yet: {NOT_DRIVEN[item.type]}.",
            item.type,
            "nothing",
        )
        return Missing(item.type, pin or "", item.name, item.description)

    def _take(self, written: str, place: str) -> str | None:
        """The canonical pin, claimed for `place`; None with the problem reported."""
        pin = self.board.canonical(written)
        if pin is None:
            self.review.refuse(
                "pin-not-on-board",
                place,
                f"the {self.board.name} has no pin {shown(written)}",
                did_you_mean(written, self.board.pins)
                or f"Its pins: {', '.join(self.board.pins)}.",
            )
            return None
        if pin in self._taken:
            self.review.refuse(
                "duplicate-pin",
                place,
                f"pin {written} is taken by {self._taken[pin]} already",
                "Give each peripheral a pin of its own.",
            )
            return None
        self._taken[pin] = place
        reserved = self.board.pins[pin].reserved
        if reserved:
            self.review.refuse(
                "pin-reserved",
                place,
                f"pin {written} of the {self.board.name} is for {reserved}",
                "Choose another pin.",
            )
            return None
        return pin

    def _part(self, item: PeripheralSpec, checks: Checks) -> Part | None:
        if not item.pin:
            self.review.refuse(
                "missing-pin", f"{item.place}.pin", f"a {item.type} needs a pin"
            )
            return None
        pin = self._take(item.pin, f"{item.place}.pin")
        if pin is None:
            return None
        kind = KIND_OF[item.type]
        name = f"{item.type}_{item.pin.lower()}"
        base = (name, item.type, pin, item.pin, item.name, item.description)
        place = f"{item.place}.pin"
        self._note_options(item, kind)
        if kind == Led.kind:
            checks.output(pin, place)
            blink = self.spec.timing.get("BLINK_INTERVAL", 0)
            return Led(*base, blink if item.type == "led" else 0, item.active == "low")
        if kind == Button.kind:
            return Button(*base, checks.pull(pin, item, place), item.active != "high")
        if kind == Sensor.kind:
            return self._sensor(item, base, checks)
        if kind == Motor.kind:
            return self._motor(item, base, checks)
        if kind == Encoder.kind:
            return self._encoder(item, base, checks)
        checks.output(pin, place)
        if not self.board.avr:
            checks.pwm(pin, place)
        return Speaker(*base)

    def _sensor(
        self,
        item: PeripheralSpec,
        base: tuple[str, str, str, str, str, str],
        checks: Checks,
    ) -> Part:
        checks.analog(base[2], f"{item.place}.pin")
        if item.sensor_type not in _ANALOG_TYPES:
            self.review.substituted(
                f"{item.place}.sensor_type",
                "The sensor is read as a plain voltage.",
                item.sensor_type,
                "analog",
            )
        timing = self.spec.timing
        pace = timing.get("SAMPLE_RATE") or min(
            timing.get("UPDATE_INTERVAL", _DEFAULT_SAMPLE_MS), 60_000
        )
        return Sensor(*base, pace, self.board.analog_max)

    def _motor(
        self,
        item: PeripheralSpec,
        base: tuple[str, str, str, str, str, str],
        checks: Checks,
    ) -> Part:
        pin = base[2]
        checks.pwm(pin, f"{item.place}.pin")
        asked = self.spec.timing.get("PWM_FREQUENCY")
        given = self.board.pins[pin].pwm_hz or asked or _DEFAULT_PWM_HZ
        if asked is not None and asked != given:
            self.review.substituted(
                "timing.PWM_FREQUENCY",
                f"The timer of pin {item.pin} has a fixed frequency.",
                f"{asked} Hz",
                f"{given} Hz",
            )
        direction, place = self._second(item, "direction_pin", "_PWM", "_DIR")
        other = ""
        if direction:
            other = self._take(direction, place) or ""
            if other:
                checks.output(other, place)
        return Motor(*base, given, other)

    def _encoder(
        self,
        item: PeripheralSpec,
        base: tuple[str, str, str, str, str, str],
        checks: Checks,
    ) -> Part | None:
        second, place = self._second(item, "pin_b", "_A", "_B")
        if not second:
            self.review.refuse(
                "missing-pin",
                f"{item.place}.pin_b",
                "an encoder needs a second pin",
                "Give it pin_b, or name the pins X_A and X_B in the table 'pins'.",
            )
            return None
        other = self._take(second, place)
        if other is None:
            return None
        pull = checks.pull(base[2], item, f"{item.place}.pin")
        if checks.pull(other, item, place) != pull:
            self.review.refuse(
                "pin-no-pull-up",
                place,
                "one pin of the encoder has a pull-up and the other has none",
                "Choose two pins alike, or say pull: external.",
            )
        return Encoder(*base, other, pull)

    def _second(
        self, item: PeripheralSpec, key: str, own: str, other: str
    ) -> tuple[str, str]:
        """A peripheral's second pin and its place: by key, or by the pin table."""
        written = item.pin_b if key == "pin_b" else item.direction_pin
        if written:
            return written, f"{item.place}.{key}"
        first = self.board.canonical(item.pin)
        for name, pin in self.spec.pins.items():
            if self.board.canonical(pin) == first and name.upper().endswith(own):
                sibling = name[: -len(own)].upper() + other
                for second, second_pin in self.spec.pins.items():
                    if second.upper() == sibling:
                        return second_pin, f"pins.{second}"
        return "", ""

    def _note_options(self, item: PeripheralSpec, kind: str) -> None:
        """A key that this kind of peripheral does not use is left out, and said."""
        used = {
            Led.kind: {"active"},
            Button.kind: {"active", "pull"},
            Sensor.kind: {"sensor_type"},
            Motor.kind: {"direction_pin"},
            Encoder.kind: {"pin_b", "pull"},
        }.get(kind, set())
        options = {
            "sensor_type": item.sensor_type,
            "pin_b": item.pin_b,
            "direction_pin": item.direction_pin,
            "pull": item.pull,
            "active": item.active,
        }
        for key, value in options.items():
            if value and key not in used:
                self.review.substituted(
                    f"{item.place}.{key}",
                    f"A {item.type} has no use for this key.",
                    value,
                    "nothing",
                )

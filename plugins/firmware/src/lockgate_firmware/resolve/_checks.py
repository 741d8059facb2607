"""Whether a pin can do what a peripheral needs of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate_firmware.boards import Board
from lockgate_firmware.parts import Motor, Part, Speaker
from lockgate_firmware.problems import Review
from lockgate_firmware.spec import PeripheralSpec

__all__ = ["Checks"]


@dataclass(frozen=True, slots=True)
class Checks:
    """The electrical checks of one board."""

    board: Board
    review: Review

    def _able(self, ability: str) -> str:
        able = [
            name
            for name, pin in self.board.pins.items()
            if getattr(pin, ability) and not pin.reserved
        ]
        return ", ".join(able)

    def output(self, pin: str, place: str) -> None:
        """`pin` must be able to drive a level."""
        if not self.board.pins[pin].output:
            self.review.refuse(
                "pin-input-only",
                place,
                f"pin {pin} of the {self.board.name} is an input only",
                f"Outputs are: {self._able('output')}.",
            )

    def pwm(self, pin: str, place: str) -> None:
        """`pin` must carry PWM."""
        if not self.board.pins[pin].pwm:
            self.review.refuse(
                "pin-no-pwm",
                place,
                f"pin {pin} of the {self.board.name} has no PWM",
                f"PWM pins are: {self._able('pwm')}.",
            )

    def analog(self, pin: str, place: str) -> None:
        """`pin` must reach the ADC."""
        if not self.board.pins[pin].analog:
            self.review.refuse(
                "pin-not-analog",
                place,
                f"pin {pin} of the {self.board.name} has no analog input",
                f"Analog pins are: {self._able('analog')}.",
            )

    def pull(self, pin: str, item: PeripheralSpec, place: str) -> str:
        """Who pulls `pin`: ``internal``, ``board`` or ``external``."""
        facts = self.board.pins[pin]
        if not facts.input:
            self.review.refuse(
                "pin-not-digital",
                place,
                f"pin {pin} of the {self.board.name} is no digital input",
                f"Digital inputs are: {self._able('input')}.",
            )
        if item.active == "high" and item.pull != "external":
            self.review.refuse(
                "contradiction",
                f"{item.place}.active",
                "a button that is active high needs a pull-down resistor",
                "Fit one and say pull: external, or let it be active low.",
            )
        if item.pull == "external":
            return "external"
        if facts.external_pull_up:
            return "board"
        if not facts.pull_up and facts.input:
            self.review.refuse(
                "pin-no-pull-up",
                place,
                f"pin {pin} of the {self.board.name} has no pull-up, so the "
                f"{item.type} would float",
                "Choose another pin, or fit a resistor and say pull: external.",
            )
        return "internal"

    def timers(self, parts: Sequence[Part], places: Mapping[str, str]) -> None:
        """No two peripherals may need one timer at two frequencies.

        `places` maps a pin to where the spec takes it.
        """
        speakers = [part for part in parts if isinstance(part, Speaker)]
        motors = [part for part in parts if isinstance(part, Motor)]
        pins = self.board.pins
        if self.board.avr and len(speakers) > 1:
            for part in speakers[1:]:
                self.review.refuse(
                    "timer-conflict",
                    places[part.pin],
                    f"the {self.board.name} sounds one speaker at a time, and "
                    f"{speakers[0].id} is that one",
                )
        for index, speaker in enumerate(speakers):
            timer = self.board.tone_timer or pins[speaker.pin].timer
            others: list[Part] = [*motors]
            if not self.board.avr:
                others += speakers[:index]
            for other in others:
                if timer and pins[other.pin].timer == timer:
                    self.review.refuse(
                        "timer-conflict",
                        places[other.pin],
                        f"pin {other.pin} and the speaker on pin {speaker.pin} need "
                        f"the same timer ({timer}) at two frequencies",
                        "Move one of them to a pin of another timer.",
                    )

"""The spec's table of pin names, held against the peripherals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lockgate_firmware._words import KIND_OF
from lockgate_firmware.boards import Board
from lockgate_firmware.parts import Part
from lockgate_firmware.problems import Review, did_you_mean, shown
from lockgate_firmware.spec import Spec

__all__ = ["check_table", "matters", "note_pins", "unused_names"]

_TYPE_WORDS = frozenset(KIND_OF)


def _words(name: str) -> frozenset[str]:
    """The peripheral types that stand in a pin's name (``STATUS_LED`` -> led)."""
    return _TYPE_WORDS & set(re.split(r"[_0-9]+", name.lower()))


def _owners(parts: Sequence[Part]) -> dict[str, Part]:
    return {pin: part for part in parts for pin in part.pins}


def check_table(
    spec: Spec, board: Board, parts: Sequence[Part], review: Review
) -> None:
    """Refuse names of pins that the board lacks, or that contradict."""
    # A peripheral that was refused would make its pin's name look unused.
    whole = not review.problems
    owners = _owners(parts)
    seen: dict[str, str] = {}
    for name, written in spec.pins.items():
        place = f"pins.{name}"
        pin = board.canonical(written)
        if pin is None:
            review.refuse(
                "pin-not-on-board",
                place,
                f"the {board.name} has no pin {shown(written)}",
                did_you_mean(written, board.pins)
                or f"Its pins: {', '.join(board.pins)}.",
            )
            continue
        if pin in seen:
            review.refuse(
                "contradiction",
                place,
                f"pin {written} is named {seen[pin]} already",
                "Give each pin one name.",
            )
            continue
        seen[pin] = name
        _check_role(name, place, owners.get(pin), review)
    if whole:
        _check_strays(seen, owners, parts, review)


def _check_role(name: str, place: str, owner: Part | None, review: Review) -> None:
    words = _words(name)
    if owner is None or not words:
        return
    if owner.type not in words and owner.kind not in {KIND_OF[w] for w in words}:
        review.refuse(
            "contradiction",
            place,
            f"the name says {' or '.join(sorted(words))}, but {owner.id} is there",
            "Rename the pin, or move the peripheral.",
        )


def _check_strays(
    seen: dict[str, str], owners: dict[str, Part], parts: Sequence[Part], review: Review
) -> None:
    """A name like LED_PIN on a pin that no LED uses, while an LED has no name."""
    for pin, name in seen.items():
        if pin in owners:
            continue
        kinds = {KIND_OF[word] for word in _words(name)}
        for part in parts:
            if part.kind in kinds and not any(own in seen for own in part.pins):
                review.refuse(
                    "contradiction",
                    f"pins.{name}",
                    f"it names pin {pin}, but {part.id} is on pin {part.written}",
                    "Let both say the same pin.",
                )
                break


def unused_names(
    spec: Spec, board: Board, parts: Sequence[Part]
) -> tuple[tuple[str, str], ...]:
    """Names of the table, with their pins, that no driven peripheral takes."""
    owners = _owners(parts)
    named = ((name, board.canonical(pin) or pin) for name, pin in spec.pins.items())
    return tuple((name, pin) for name, pin in named if pin not in owners)


def note_pins(
    board: Board,
    parts: Sequence[Part],
    named: Sequence[tuple[str, str]],
    review: Review,
) -> None:
    """Remark on what the board's pins hold in store for their users."""
    for part in parts:
        for pin, mode in part.pins.items():
            if pin == part.pin != part.written.upper():
                review.remark(
                    "assumed", part.id, f"Pin {part.written} is read as {pin}."
                )
            for warning in board.pins[pin].warn:
                if matters(warning, mode):
                    review.remark("warning", f"pin {pin}", f"{part.id}: {warning}.")
    for name, pin in named:
        review.remark("info", f"pins.{name}", f"No driven peripheral takes pin {pin}.")


def matters(warning: str, mode: str) -> bool:
    """Whether `warning` is news for a pin in this mode: its checks told the rest."""
    if warning.startswith("its analog input"):
        return mode == "analog"
    if warning.startswith("the board's LED hangs"):
        return mode == "input_pullup"
    if warning.startswith("front button"):
        return mode != "input"
    if warning.startswith("wired to the speaker"):
        return mode != "pwm"
    return not warning.startswith("input only")

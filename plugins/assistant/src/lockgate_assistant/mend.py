"""What the menders share: the spec that is mended, and who owns which pin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from lockgate_assistant.boards import Board, board_of
from lockgate_assistant.material import Trouble
from lockgate_assistant.spec_yaml import Path, SpecYaml

__all__ = [
    "PIN_KEYS",
    "Case",
    "Mender",
    "board_of_spec",
    "closest",
    "listed",
    "owners",
    "quoted",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One trouble at one place of the spec that is being mended."""

    spec: SpecYaml
    path: Path
    trouble: Trouble


Mender: TypeAlias = Callable[[Case], str]
"""Changes the case's spec; says why, or gives '' if it has no safe proposal."""

PIN_KEYS = ("pin", "pin_b", "direction_pin")

_MEANT = re.compile(r"Did you mean '([^']{1,80})'\?")
_LIST = re.compile(
    r"(?:Known:|Supported:|Choose from|\bare:|\bpins:) ([^.]{1,2000})\.?"
)
_PERIPHERALS_LIMIT = 64


def board_of_spec(spec: SpecYaml) -> Board | None:
    """The board that the spec means, as far as it is known here."""
    hardware: Path = ("hardware",)
    return board_of(
        spec.word(("platform",)),
        spec.word((*hardware, "mcu")),
        spec.word((*hardware, "board")),
    )


def owners(spec: SpecYaml, board: Board) -> Iterator[tuple[str, Path]]:
    """Each pin that a peripheral names, with the path that names it."""
    for index in range(_PERIPHERALS_LIMIT):
        for key in PIN_KEYS:
            path: Path = ("peripherals", index, key)
            if written := spec.word(path):
                yield board.own_name(written), path


def quoted(trouble: Trouble) -> str:
    """The word that the refusal itself proposes, or empty."""
    match = _MEANT.search(trouble.hint)
    return match[1] if match else ""


def listed(trouble: Trouble) -> list[str]:
    """The words that the refusal lists as right."""
    match = _LIST.search(trouble.hint)
    return [word.strip() for word in match[1].split(",")] if match else []


def closest(word: str, known: list[str]) -> str:
    """The known word that looks most like `word`; empty if none does."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower()[:100], by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else ""

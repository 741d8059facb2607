"""Why a spec is refused, and what to know of one that is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

__all__ = ["Problem", "Remark", "Review", "SpecRefusedError", "did_you_mean", "shown"]

_SHOWN_CHARS = 60
_REASONS_LIMIT = 100
_SECTIONS = (
    *("device_name", "platform", "m5stack_model", "software_language"),
    *("ui_framework", "hardware", "pins", "timing", "wifi", "peripherals"),
    "communication",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal: a code, the place in the spec, the way out."""

    code: str
    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a user must know of a result that was made all the same.

    `kind` ``substituted``: `asked` was not made, `given` was made instead.
    """

    kind: Literal["substituted", "assumed", "warning", "info"]
    subject: str
    message: str
    asked: str = ""
    given: str = ""


class SpecRefusedError(Exception):
    """The spec is refused, for every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.where}: {p.message}" for p in problems))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Review:
    """What has been found so far. One problem does not end the reading."""

    problems: list[Problem] = field(default_factory=list[Problem])
    remarks: list[Remark] = field(default_factory=list[Remark])

    def refuse(self, code: str, where: str, message: str, hint: str = "") -> None:
        """Add a problem (a hostile spec gets the first hundred)."""
        if len(self.problems) < _REASONS_LIMIT:
            self.problems.append(Problem(code, where, message, hint))

    def substituted(self, subject: str, message: str, asked: str, given: str) -> None:
        """Add a remark: `given` was made instead of `asked`."""
        self.remarks.append(Remark("substituted", subject, message, asked, given))

    def remark(
        self, kind: Literal["assumed", "warning", "info"], subject: str, message: str
    ) -> None:
        """Add a remark that stands for no substitution."""
        self.remarks.append(Remark(kind, subject, message))

    def check(self) -> None:
        """End the reading if there was a problem.

        Raises:
            SpecRefusedError: If anything was refused.
        """
        if self.problems:
            raise SpecRefusedError(sorted(self.problems, key=_place_in_spec))


def _place_in_spec(problem: Problem) -> tuple[int, int]:
    """In the order in which a spec is written, whoever found it first."""
    section, _, rest = problem.where.partition(".")
    name, _, index = section.partition("[")
    number = index.rstrip("]")
    order = _SECTIONS.index(name) if name in _SECTIONS else len(_SECTIONS)
    return order, int(number) if number.isdigit() and rest else -1


def shown(value: object) -> str:
    """`value` as a message shows it: quoted, on one line, never long."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."


def did_you_mean(word: str, known: Iterable[str], all_of_them: str = "") -> str:
    """A hint with the known word that is closest to `word`, then `all_of_them`."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower()[:100], by_lower, n=1, cutoff=0.6)
    if not close:
        return all_of_them
    return f"Did you mean {by_lower[close[0]]!r}? {all_of_them}".rstrip()

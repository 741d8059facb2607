"""What is wrong with a pipeline or its inputs: every fault, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lockgate.values import Reason

__all__ = ["Place", "Problem", "Problems", "nearest"]

Path = tuple[str | int, ...]

PROBLEM_LIMIT = 100
"""A reader mends the first few and asks again."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value's place in a document, and the lines of that document, from 1."""

    file: str = ""
    path: Path = ()
    label: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict[Path, int], repr=False)

    def below(self, key: str | int, label: str = "") -> Place:
        """The place of `key`; `label` replaces the key in what a reader sees."""
        shown = f"[{key}]" if isinstance(key, int) else key
        shown = label or shown
        glue = "" if not self.label or shown.startswith("[") else "."
        return Place(
            self.file, (*self.path, key), f"{self.label}{glue}{shown}", self.lines
        )

    @property
    def line(self) -> int:
        """The line of the nearest value that has one, or 0."""
        for end in range(len(self.path), -1, -1):
            line = self.lines.get(self.path[:end])
            if line:
                return line
        return 0

    def __str__(self) -> str:
        line = self.line
        spot = f"{self.file}:{line}" if self.file and line else self.file
        spot = spot or (f"line {line}" if line else "")
        return ": ".join(part for part in (spot, self.label) if part) or "pipeline"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a stable code, the place, what it is and the way out."""

    code: str
    place: Place
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place}: {self.message}{hint}"

    def reason(self) -> Reason:
        """The problem as a reason for refusing the pipeline."""
        return Reason(self.code, str(self.place), self.message, self.hint)


class Problems:
    """The faults found so far, in order of discovery."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Note a fault, unless the list is full."""
        if len(self._found) < PROBLEM_LIMIT:
            self._found.append(Problem(code, place, message, hint))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def reasons(self) -> tuple[Reason, ...]:
        """The faults as reasons, in order of file and line."""
        ordered = sorted(self._found, key=lambda p: (p.place.file, p.place.line))
        return tuple(problem.reason() for problem in ordered)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(word[:80], names[:1_000], n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return ""
    return f"there is: {', '.join(names[:12])}" + (", …" if len(names) > 12 else "")

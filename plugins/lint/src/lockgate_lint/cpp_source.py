"""C++ as the pin check reads it: comments blanked, brackets matched, lists split.

A modest scanner, not a parser: it knows brackets, commas, literals and names. What
it does not recognise it leaves alone; macros that build code stay unseen. Every
pattern and every span is bounded, so hostile text costs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Part", "Source"]

_NOISE = re.compile(
    r'R"(?P<mark>[^()\\\s]{0,16})\(.{0,2000}?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'"
    r"|/\*.*?(?:\*/|\Z)"
    r"|//(?:\\\n|[^\n])*",
    re.S,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_LIST_CHARS = 4000
"""Longer argument lists are data, not pins."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of code: its stripped text and its offset."""

    text: str
    at: int


class Source:
    """One file: the text, and the same with comments and literals blanked.

    Every offset in `code` is the same place in `text`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = _NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        self._close = _brackets(self.code)
        self._lines = [0, *(m.end() for m in re.finditer("\n", text))]

    def closing(self, start: int) -> int:
        """The offset of the bracket that closes the one at `start`, or -1."""
        return self._close.get(start, -1)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both from 1."""
        low, high = 0, len(self._lines)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (middle, high) if self._lines[middle] <= offset else (low, middle)
            )
        return low + 1, offset - self._lines[low] + 1

    def parts(self, bracket: int) -> list[Part]:
        """The comma-separated parts inside the bracket at offset `bracket`."""
        end = self.closing(bracket)
        if end < 0 or end - bracket > _LIST_CHARS:
            return []
        found: list[Part] = []
        at = begin = bracket + 1
        while at <= end:
            if at == end or self.code[at] == ",":
                part = self.code[begin:at]
                if part.strip():
                    lead = len(part) - len(part.lstrip())
                    found.append(Part(part.strip(), begin + lead))
                begin = at + 1
            # A nested bracket is skipped in one step.
            at = max(self.closing(at), at) + 1
        return found

    def calls(self, name: re.Pattern[str]) -> Iterator[tuple[Part, list[Part]]]:
        """Each match of `name` (which ends in its bracket) with its arguments."""
        for match in name.finditer(self.code):
            yield Part(match[1], match.start(1)), self.parts(match.end() - 1)


def _brackets(code: str) -> dict[int, int]:
    """Where each opening bracket closes; unbalanced ones are left out."""
    found: dict[int, int] = {}
    open_: list[int] = []
    for match in re.finditer(r"[][(){}]", code):
        at = match.start()
        if code[at] in _PAIRS:
            open_.append(at)
        elif open_ and _PAIRS[code[open_[-1]]] == code[at]:
            found[open_.pop()] = at
    return found

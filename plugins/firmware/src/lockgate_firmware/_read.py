"""Typed reading of foreign documents: each reader says what was wrong and goes on.

A reader returns None for what is absent or refused; the refusal stands in the
review. Booleans are never numbers here, and numbers never texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import cast

from lockgate_firmware._text import strange_character
from lockgate_firmware.problems import Review, did_you_mean, shown

__all__ = ["KEYS_LIMIT", "Fields", "alike", "read_pin", "read_text", "type_name"]

KEYS_LIMIT = 200
_TYPO_RATIO = 0.8
_PIN = re.compile(r"[A-Za-z]{0,4}[0-9]{1,3}", re.ASCII)


def type_name(value: object) -> str:
    """What YAML calls the type of `value`."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping"
    return "nothing" if value is None else "of another type"


def read_text(
    review: Review, value: object, where: str, limit: int, *, fold: bool = False
) -> str | None:
    """A text of 1 to `limit` characters; `fold` makes line ends single spaces."""
    if not isinstance(value, str):
        hint = "Put it in quotes." if isinstance(value, bool | int | float) else ""
        review.refuse(
            "wrong-type", where, f"must be a text, is {type_name(value)}", hint
        )
        return None
    # Looked at in the first place: a long text costs time in all that follows.
    if len(value) > 4 * limit:
        review.refuse("too-long", where, f"has more than {limit} characters")
        return None
    text = (re.sub(r"[ \t\r\n]+", " ", value) if fold else value).strip(" ")
    if not text:
        review.refuse("empty", where, "is empty")
        return None
    if len(text) > limit:
        review.refuse("too-long", where, f"has more than {limit} characters")
        return None
    strange = strange_character(text)
    if strange:
        review.refuse(
            "control-character",
            where,
            f"holds the character U+{ord(strange):04X}, which no text may hold",
            "Leave control, format and private characters out.",
        )
        return None
    return text


def read_pin(review: Review, value: object, where: str) -> str | None:
    """A pin as a spec writes it: a number, or letters and a number (``A0``)."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999:
        return str(value)
    if isinstance(value, str) and _PIN.fullmatch(value):
        return value
    review.refuse(
        "bad-pin",
        where,
        f"{shown(value)} is no pin",
        "A pin is a number (13) or letters and a number (A0, PA3, GPIO34).",
    )
    return None


class Fields:
    """The fields of one object of the spec, at `where`."""

    def __init__(self, review: Review, value: object, where: str) -> None:
        self._review = review
        self._where = where
        self._values: dict[str, object] = {}
        if not isinstance(value, Mapping):
            review.refuse(
                "wrong-type",
                where or "spec",
                f"must be a mapping, is {type_name(value)}",
            )
            return
        mapping = cast("Mapping[object, object]", value)
        if len(mapping) > KEYS_LIMIT:
            review.refuse(
                "too-many", where or "spec", f"has more than {KEYS_LIMIT} keys"
            )
            return
        for key, item in mapping.items():
            if isinstance(key, str):
                self._values[key] = item
            else:
                review.refuse(
                    "wrong-type", where or "spec", f"has {shown(key)} as a key, no text"
                )

    def place(self, key: str) -> str:
        """The path of `key`, as a refusal names it."""
        shown_key = key if key.isidentifier() and len(key) <= 60 else shown(key)
        return f"{self._where}.{shown_key}" if self._where else shown_key

    def names(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._values)

    def has(self, key: str) -> bool:
        """Whether `key` is there (and not null)."""
        return self._values.get(key) is not None

    def value(self, key: str) -> object:
        """What stands at `key`, unread."""
        return self._values.get(key)

    def text(self, key: str, limit: int = 200, *, fold: bool = False) -> str | None:
        """The text at `key`."""
        if not self.has(key):
            return None
        value, place = self._values[key], self.place(key)
        return read_text(self._review, value, place, limit, fold=fold)

    def word(self, key: str, known: Iterable[str], code: str) -> str | None:
        """The text at `key`, lower case, which must be one of `known`."""
        text = self.text(key, 64)
        if text is None:
            return None
        names = sorted(set(known))
        if text.lower() in names:
            return text.lower()
        self._review.refuse(
            code,
            self.place(key),
            f"{shown(text)} is unknown",
            did_you_mean(text, names, f"Known: {', '.join(names)}."),
        )
        return None

    def number(self, key: str, low: int, high: int, unit: str) -> int | None:
        """The whole number at `key`, from `low` to `high`."""
        if not self.has(key):
            return None
        value = self._values[key]
        if isinstance(value, bool) or not isinstance(value, int):
            self._review.refuse(
                "wrong-type",
                self.place(key),
                f"must be a whole number, is {shown(value)}",
            )
            return None
        if not low <= value <= high:
            self._review.refuse(
                "out-of-range",
                self.place(key),
                f"{shown(value)} is not between {low} and {high} {unit}",
            )
            return None
        return value

    def flag(self, key: str) -> bool | None:
        """The boolean at `key`."""
        if not self.has(key):
            return None
        value = self._values[key]
        if isinstance(value, bool):
            return value
        self._review.refuse(
            "wrong-type", self.place(key), f"must be true or false, is {shown(value)}"
        )
        return None

    def pin(self, key: str) -> str | None:
        """The pin at `key`."""
        if not self.has(key):
            return None
        return read_pin(self._review, self._values[key], self.place(key))

    def unknown(self, known: Iterable[str]) -> None:
        """Deal with the keys that are not among `known`.

        One that looks like a known key that is absent is refused: it is a slip,
        and leaving it out would make other firmware than was asked for. Any other
        is left out with a remark.
        """
        names = list(known)
        absent = [name for name in names if name not in self._values]
        for key in self._values:
            if key in names:
                continue
            near = [name for name in absent if alike(key, name)]
            if near:
                self._review.refuse(
                    "unknown-key",
                    self.place(key),
                    "is unknown",
                    f"Did you mean {near[0]!r}?",
                )
            else:
                self._review.substituted(
                    self.place(key),
                    "This key is unknown and was left out.",
                    shown(self._values[key]),
                    "nothing",
                )


def alike(key: str, known: str) -> bool:
    """Whether `key` could be a slip of the pen for `known`, or is it."""
    if len(key) > 2 * len(known) + 2:
        return False
    return SequenceMatcher(None, key.lower(), known.lower()).ratio() >= _TYPO_RATIO

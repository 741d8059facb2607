"""A verdict as a frozen value, and as the JSON that it is kept in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lockgate.values import Finding, Position, Range

__all__ = ["Verdict", "line_of"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, split by what it means.

    `undeclared` are rights that are used and not asked for, `opaque` says that some
    code can't be read, `notes` are the rest (asked for and not used).
    """

    undeclared: tuple[Finding, ...] = ()
    opaque: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    @property
    def id(self) -> str:
        """The same wherever the same was found: 24 hexadecimal digits."""
        raw = json.dumps(self.to_data(), sort_keys=True).encode()
        return hashlib.sha256(raw).hexdigest()[:24]

    def told(self) -> tuple[str, ...]:
        """All of it, a line for each."""
        return tuple(
            f"source: {line_of(one)}"
            for found in (self.undeclared, self.opaque, self.notes)
            for one in found
        )

    def to_data(self) -> dict[str, Any]:
        """The verdict as plain data; `from_data` reads it."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_data` gave.

        Raises:
            ValueError, TypeError, KeyError: If it is something else.
        """
        parts = [tuple(map(_finding, data[part])) for part in _PARTS]
        if len(data) != len(_PARTS):
            raise ValueError("a verdict has three parts")
        return cls(*parts)


_PARTS = ("undeclared", "opaque", "notes")


def _finding(entry: Mapping[str, Any]) -> Finding:
    texts = {key: entry[key] for key in ("path", "rule", "message", "tool", "hint")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a finding's words are text")
    severity: Literal["error", "warning", "note"] = entry["severity"]
    if severity not in ("error", "warning", "note"):
        raise ValueError(f"the severity {severity!r:.20}")
    where = entry["range"]
    place = None if where is None else Range(*(_position(where[k]) for k in _ENDS))
    return Finding(
        texts["path"],
        texts["rule"],
        severity,
        texts["message"],
        place,
        texts["tool"],
        texts["hint"],
    )


_ENDS = ("start", "end")


def _position(entry: Mapping[str, Any]) -> Position:
    numbers = [entry[field] for field in Position.__dataclass_fields__]
    if not all(type(number) is int for number in numbers):
        raise TypeError("a place is whole numbers")
    return Position(*numbers)


def line_of(one: Finding) -> str:
    """A finding in one line: its place, and what it says."""
    place = f"{one.path}:{one.range.start.line}" if one.range is not None else one.path
    return f"{place}: {one.message}"

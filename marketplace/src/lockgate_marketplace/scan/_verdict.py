"""A verdict as a frozen value, and as plain data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from lockgate.values import Finding

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
        """The verdict as plain data."""
        return asdict(self)


def line_of(one: Finding) -> str:
    """A finding in one line: its place, and what it says."""
    place = f"{one.path}:{one.range.start.line}" if one.range is not None else one.path
    return f"{place}: {one.message}"

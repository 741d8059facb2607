"""Reading a foreign document: the type that was asked for, bounded, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from lockgate.values import Data

__all__ = [
    "TEXT_LIMIT_CHARS",
    "Fields",
    "clean",
    "is_fields",
    "items",
    "number",
    "objects",
    "text",
    "texts",
]

Fields = Mapping[str, Data]

TEXT_LIMIT_CHARS = 600
"""Longest text that is shown where a sentence is meant."""

NUMBER_LIMIT = 10**15
"""Largest number that is taken for one: microseconds of thirty years."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e"
    "\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
"""What would be invisible or would turn the reading order around."""


def clean(value: str, limit: int = TEXT_LIMIT_CHARS) -> str:
    """`value` with unseen characters made visible, cut after `limit` characters."""
    cut = value[:limit] + "…" if len(value) > limit else value
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", cut)


def is_fields(value: Data) -> TypeGuard[Fields]:
    """Whether `value` is an object with keys."""
    return isinstance(value, Mapping)


def text(fields: Data, key: str, limit: int = TEXT_LIMIT_CHARS) -> str:
    """The text at `key`; a number or boolean as its text; else ``""``."""
    value = fields.get(key) if is_fields(fields) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:limit]
    return clean(value, limit) if isinstance(value, str) else ""


def number(fields: Data, key: str) -> float | None:
    """The number at `key`, within plus and minus `NUMBER_LIMIT`; or None."""
    value = fields.get(key) if is_fields(fields) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return float(min(max(value, -NUMBER_LIMIT), NUMBER_LIMIT))


def items(fields: Data, key: str) -> Sequence[Data]:
    """The list at `key`, or an empty one."""
    value = fields.get(key) if is_fields(fields) else None
    return value if isinstance(value, list | tuple) else ()


def objects(fields: Data, key: str) -> list[Fields]:
    """The objects in the list at `key`."""
    return [item for item in items(fields, key) if is_fields(item)]


def texts(fields: Data, key: str, limit: int = 64) -> list[str]:
    """The texts in the list at `key`, the first `limit` of them."""
    found = [item for item in items(fields, key) if isinstance(item, str)]
    return [clean(item, 80) for item in found[:limit]]

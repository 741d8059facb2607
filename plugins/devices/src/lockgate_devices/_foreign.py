"""Looks at foreign data without trusting its types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["as_list", "as_mapping", "is_int"]


def as_mapping(value: object) -> Mapping[str, Any] | None:
    """`value` if it is an object with text as keys, else None."""
    if not isinstance(value, Mapping):
        return None
    keys = cast("Mapping[object, Any]", value)
    if not all(isinstance(key, str) for key in keys):
        return None
    return cast("Mapping[str, Any]", value)


def as_list(value: object) -> Sequence[Any] | None:
    """`value` if it is a list, else None."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
        return None
    return cast("Sequence[Any]", cast("object", value))


def is_int(value: object) -> bool:
    """Whether `value` is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)

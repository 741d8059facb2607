"""JSON from a stranger: its structure is counted before anything is built of it."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.simple._limits import PageLimits

__all__ = ["load"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def load(raw: bytes, limits: PageLimits, where: str) -> dict[str, Any]:
    """The object that `raw` holds.

    Raises:
        PageError: If it is malformed, ambiguous (a key twice), nested too deep, or
            has too many parts.
    """
    if raw.count(b"{") + raw.count(b"[") > limits.containers:
        message = f"more than {limits.containers:,} objects and arrays"
        raise PageError("page-too-many", message, where=where)
    if raw.count(b",") > limits.values:
        message = f"more than {limits.values:,} values"
        raise PageError("page-too-many", message, where=where)
    if _depth(raw) > limits.depth:
        message = f"it is nested deeper than {limits.depth}"
        raise PageError("page-depth", message, where=where)
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant
        )
    except (ValueError, RecursionError) as error:
        raise PageError("page-invalid", f"no JSON: {error}", where=where) from None
    if not isinstance(value, dict):
        raise PageError("page-invalid", "the JSON is no object", where=where)
    return cast("dict[str, Any]", value)


def _depth(raw: bytes) -> int:
    """How deep the brackets outside strings are nested, whatever else is wrong."""
    deepest = depth = 0
    for bracket in _STRING.sub(b"", raw).translate(None, _NO_BRACKETS):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")

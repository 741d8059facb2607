"""JSON as others read it (RFC 8259): without Python's ``NaN`` and ``Infinity``.

A plugin may answer any number. One that JSON has no word for would make the whole text
unreadable for whoever is handed it; it is ``null`` there, as it is for JavaScript.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

__all__ = ["json_text"]


def json_text(
    value: object,
    *,
    indent: int | None = None,
    default: Callable[[object], object] | None = None,
) -> str:
    """`value` as JSON in ASCII; `default` as `json.dumps` takes it.

    Raises:
        ValueError: If it holds itself.
        TypeError: If it holds what is no JSON.
    """
    how: dict[str, Any] = {"indent": indent, "default": default}
    try:
        return json.dumps(value, allow_nan=False, **how)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, **how)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        table = cast("Mapping[object, object]", value)
        return {key: _finite(item) for key, item in table.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("list[object]", value)]
    return value

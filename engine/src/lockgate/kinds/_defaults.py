"""How large a default may be, written out.

Whoever leaves a field out gets its default. One that holds defaults which hold defaults
is a billion values after thirty lines: shared while it is only held, and in memory as
soon as it is encoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

__all__ = ["LIMIT_CHARS", "LIMIT_VALUES", "TOO_LARGE", "is_small"]

LIMIT_VALUES = 1000
LIMIT_CHARS = 16 * 1024
TOO_LARGE = (
    f"written out more than {LIMIT_VALUES:,} values or {LIMIT_CHARS:,} characters, "
    "the defaults in it counted"
)


def is_small(default: object) -> bool:
    """Whether a decoded default keeps the limits; looks at no more of it than that."""
    waiting, values, chars = [default], 0, 0
    while waiting:
        one = waiting.pop()
        values += 1
        if isinstance(one, str | bytes):
            chars += len(one)
        elif isinstance(one, Mapping):
            held = cast("Mapping[str, object]", one)
            chars += sum(map(len, held))
            waiting += held.values()
        elif isinstance(one, tuple | list):
            waiting += cast("Sequence[object]", one)
        elif dataclasses.is_dataclass(one):
            waiting += [getattr(one, field.name) for field in dataclasses.fields(one)]
        if values + len(waiting) > LIMIT_VALUES or chars > LIMIT_CHARS:
            return False
    return True

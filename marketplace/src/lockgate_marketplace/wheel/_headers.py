"""Files of header lines, as METADATA and WHEEL are.

RFC 822 as `email` reads it, which is what importlib.metadata and packaging use; but
a line that `email` would skip over, or that would end the headers early, is refused.
"""

from __future__ import annotations

import re

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._text import decoded, text_lines

__all__ = ["Headers", "read_headers"]

_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)")
_END = re.compile(r"\n\r?\n")
_VALUE_MAXIMUM = 1024
"""Of a header that something is decided by: names, versions, specifiers."""


class Headers:
    """The headers of one file: a name's values, in their order."""

    def __init__(self, values: dict[str, list[str]], code: str, where: str) -> None:
        self._values = values
        self._code = code
        self._where = where

    def all(self, name: str) -> tuple[str, ...]:
        """Each value of `name`."""
        return tuple(self._values.get(name.lower(), ()))

    def one(self, name: str, default: str | None = None) -> str:
        """The only value of `name`, which must be in one line.

        Raises:
            WheelError: If it is there twice, or missing without `default`.
        """
        values = self.all(name)
        if not values and default is not None:
            return default
        if len(values) != 1 or "\n" in values[0] or len(values[0]) > _VALUE_MAXIMUM:
            found = "is said twice, in several lines or at great length"
            message = f"{name} {found if values else 'is missing'}"
            raise WheelError(self._code, message, where=self._where)
        return values[0]


def read_headers(raw: bytes, code: str, where: str) -> Headers:
    """The headers of `raw`, up to the first empty line; what follows is free text.

    Raises:
        WheelError: `code` if a line is neither a header nor a header's continuation.
    """
    head = _END.split(decoded(raw, code, where), maxsplit=1)[0]
    lines = text_lines(head.removesuffix("\n"), code, where)
    values: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines, 1):
        if line[:1] in (" ", "\t") and line and current is not None:
            current[-1] += "\n" + line.strip(" \t")
            continue
        found = _HEADER.fullmatch(line)
        if found is None:
            message = f"line {number} is no header: {line[:80]!r}"
            raise WheelError(code, message, where=where)
        current = values.setdefault(found[1].lower(), [])
        current.append(found[2].strip(" \t"))
    return Headers(values, code, where)

"""Text for a terminal: colour where it is wanted, and no escape of a stranger's.

Paths, names and messages come from code that nobody trusts and may hold anything,
escape sequences too: every text passes `clean` first.
"""

from __future__ import annotations

import os
from typing import Literal, TextIO

__all__ = ["Color", "clean", "colored"]

Color = Literal["red", "green", "yellow", "blue", "dim", "bold"]

_CODES: dict[str, str] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "dim": "2",
    "bold": "1",
}


def clean(text: object) -> str:
    """`text` without control characters and unpaired surrogates."""
    words = str(text)
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in words
    )


def colored(text: str, color: Color, stream: TextIO, *, wish: str = "") -> str:
    """`text` in `color` if `stream` is a terminal that wants it.

    `wish` is ``always``, ``never`` or ``auto``; if empty, ``LOCKGATE_COLOR`` counts,
    and with ``auto`` also ``NO_COLOR`` and ``TERM=dumb``.
    """
    wanted = wish or os.environ.get("LOCKGATE_COLOR", "auto")
    if wanted == "auto":
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        shown = stream.isatty() and not plain
    else:
        shown = wanted == "always"
    return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if shown else text

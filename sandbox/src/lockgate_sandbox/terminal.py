"""Text for a terminal: colour where it is wanted, and no escape of a stranger's.

Paths, names and messages come from code that nobody trusts and may hold anything,
escape sequences too: every text passes `clean` first.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Literal, TextIO

__all__ = ["Color", "clean", "colored", "quoted"]

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


_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that show nothing."""

_PADDING = re.compile(r"\A +| {2,}| +\Z")


def quoted(text: object) -> str:
    """`text` in quotes on one line, so that where it begins and ends can be seen.

    For a name that somebody is to judge: what reorders, hides, joins or pads it stands
    there as an escape, and so do letters that are written from right to left.
    """
    words = str(text)
    mark = '"' if "'" in words and '"' not in words else "'"
    told, end = "", 0
    for padding in _PADDING.finditer(words):
        told += "".join(_told(char, mark) for char in words[end : padding.start()])
        told += "\\x20" * len(padding[0])
        end = padding.end()
    told += "".join(_told(char, mark) for char in words[end:])
    return f"{mark}{told}{mark}"


def _told(char: str, mark: str) -> str:
    if char in ("\\", mark):
        return f"\\{char}"
    if char.isascii() and char.isprintable():
        return char
    shows = char.isprintable() and char not in _FILLERS
    joins = unicodedata.category(char) in ("Mn", "Mc", "Me")
    turns = unicodedata.bidirectional(char) in ("R", "AL", "AN")
    return char if shows and not joins and not turns else ascii(char)[1:-1]


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

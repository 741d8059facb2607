"""Text files of a wheel: UTF-8, and lines that every reader splits alike."""

from __future__ import annotations

from lockgate_marketplace.errors import WheelError

__all__ = ["decoded", "shown", "text_lines"]

_SPLITTERS = frozenset("\v\f\x1c\x1d\x1e\x85\u2028\u2029")
"""Line ends for `str.splitlines`, and for nobody else."""


def shown(text: str, limit: int = 200) -> str:
    """`text` for an error: what a terminal would obey or hide is escaped."""
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:limit])
    return escaped if len(text) <= limit else f"{escaped}…"


def decoded(raw: bytes, code: str, where: str) -> str:
    """`raw` as text.

    Raises:
        WheelError: `code` if it is not UTF-8, or begins with a byte-order mark.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        raise WheelError(code, message, where=where) from None
    if text.startswith("\ufeff"):
        raise WheelError(code, "it begins with a byte-order mark", where=where)
    return text


def text_lines(text: str, code: str, where: str) -> list[str]:
    """The lines of `text`, ended by a line feed or by CR LF.

    Raises:
        WheelError: `code` if a character ends a line for some readers only, or is a
            control character that no text has.
    """
    for number, line in enumerate(lines := text.split("\n"), 1):
        if line.endswith("\r"):
            lines[number - 1] = line = line[:-1]
        if line.isprintable():
            continue
        for letter in line:
            if letter in _SPLITTERS or (letter < " " and letter != "\t"):
                message = f"line {number} has the character U+{ord(letter):04X}"
                raise WheelError(code, message, where=where)
            if letter == "\x7f":
                message = f"line {number} has the character U+007F"
                raise WheelError(code, message, where=where)
    return lines

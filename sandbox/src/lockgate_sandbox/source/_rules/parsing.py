"""Files that could not be read as Python, or not wholly: silence would be a lie."""

from __future__ import annotations

from lockgate_sandbox.source._site import Family
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY", "LEFT_OUT", "MORE", "SYNTAX", "TOO_LARGE", "UNREADABLE"]

SYNTAX = Rule(
    "syntax-error",
    Level.WARNING,
    "No Python of this interpreter's version, so it was not looked at.",
    Right.DYNAMIC,
)
UNREADABLE = Rule(
    "unreadable-text",
    Level.ERROR,
    "Null bytes, or a text encoding other than UTF-8, ASCII and Latin-1.",
    Right.DYNAMIC,
)
TOO_LARGE = Rule(
    "too-large",
    Level.ERROR,
    "Larger, denser or more deeply nested than is read.",
    Right.DYNAMIC,
)
LEFT_OUT = Rule(
    "left-out",
    Level.WARNING,
    "A link, a special file, or a file beyond the bounds of the scan.",
)
MORE = Rule("more-findings", Level.WARNING, "More was found than is listed.")

FAMILY = Family(rules=(SYNTAX, UNREADABLE, TOO_LARGE, LEFT_OUT, MORE))

"""`Misfit`: why a value is none of its declared type, and where."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Misfit"]


class Misfit(ValueError):  # noqa: N818 - part of a sentence: "a misfit at ..."
    """A value that does not fit its declared type.

    `where` is its path below the value that was converted, such as
    ``findings[3].range.start``; empty for the value itself.
    """

    def __init__(self, expected: str, value: object = None, *, found: str = "") -> None:
        self.expected = expected
        self.found = found or _name(value)
        self.where = ""
        super().__init__(expected)

    def below(self, part: str) -> Misfit:
        """This misfit, seen from one level further out."""
        glue = "" if not self.where or self.where.startswith("[") else "."
        self.where = f"{part}{glue}{self.where}"
        return self

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}expected {self.expected}, found {self.found}"


def _name(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, (bool, int, float)):
        return f"{type(value).__name__} {value!r:.40}"
    return f"a value of type {type(value).__name__}"

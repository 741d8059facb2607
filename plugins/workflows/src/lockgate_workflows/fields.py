"""Typed reading of a document's fields, every fault noted with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from lockgate.expression import Expression, ExpressionError, Reference, Template
from lockgate.values import Data
from lockgate_workflows.problems import Place, Problems, nearest

__all__ = ["Fields", "templates"]

_T = TypeVar("_T")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")
NAME_LIMIT_CHARS = 64
_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


class Fields:
    """One object of a document, read key by key; `done` names what was not read."""

    def __init__(self, value: Data, place: Place, problems: Problems) -> None:
        self.place = place
        self.problems = problems
        self._seen: set[str] = set()
        self._values: Mapping[str, Data] = {}
        if isinstance(value, Mapping):
            self._values = value
        else:
            self.fault("an object with keys is asked for here")

    def fault(self, message: str, key: str = "", hint: str = "") -> None:
        """Note a wrong value of `key`, or of the object itself."""
        place = self.place.below(key) if key else self.place
        self.problems.add("pipeline-invalid", place, message, hint)

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def raw(self, key: str) -> Data:
        """The value as it stands, or None."""
        self._seen.add(key)
        return self._values.get(key)

    def _typed(self, key: str, kind: type[_T]) -> _T | None:
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, kind):
            self.fault(f"{_KINDS[kind]} is asked for here", key)
            return None
        return value

    def text(self, key: str) -> str | None:
        """A text, or None."""
        return self._typed(key, str)

    def flag(self, key: str) -> bool:
        """True or false; false if it is missing."""
        return bool(self._typed(key, bool))

    def items(self, key: str) -> Sequence[Data] | None:
        """A list, or None."""
        return cast("list[Data] | None", self._typed(key, list))

    def object(self, key: str) -> dict[str, Data]:
        """An object; empty if it is missing."""
        return cast("dict[str, Data]", self._typed(key, dict) or {})

    def name(self, key: str) -> str:
        """A name that an expression can use, or ``""``."""
        value = self.text(key)
        if value is None:
            if key not in self:
                self.fault(f"the key {key!r} is missing")
            return ""
        if len(value) > NAME_LIMIT_CHARS or not _NAME.fullmatch(value):
            hint = "letters, digits, '_' and inner '-', not starting with a digit"
            self.fault(f"{value!r:.80} is no name", key, hint)
            return ""
        return value

    def number(self, key: str, low: float, high: float, unit: str = "") -> float | None:
        """A number from `low` to `high`, or None."""
        value = self.raw(key)
        if value is None:
            return None
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not low <= cast("float", value) <= high:
            self.fault(f"a number from {low:g} to {high:g}{unit} is asked for", key)
            return None
        return cast("float", value)

    def count(self, key: str, high: int) -> int:
        """A whole number from 1 to `high`; 1 if it is missing."""
        value = self.number(key, 1, high)
        if value is not None and not isinstance(value, int):
            self.fault("a whole number is asked for here", key)
        return int(value or 1)

    def choice(self, key: str, choices: Sequence[_T], default: _T) -> _T:
        """One of `choices`."""
        value = self.raw(key)
        if value is None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        known = [str(choice) for choice in choices]
        self.fault(
            f"one of {', '.join(known)} is asked for", key, nearest(str(value), known)
        )
        return default

    def condition(self, key: str) -> Expression | None:
        """An expression, or None; true and false may stand bare."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str):
            self.fault("an expression is asked for here", key)
            return None
        try:
            return Expression.parse(value)
        except ExpressionError as error:
            hint = error.hint
            if value.lstrip().startswith("${"):
                hint = "a condition is written without ${ }"
            self.problems.add(error.code, self.place.below(key), str(error), hint)
            return None

    def done(self) -> None:
        """Note every key that nothing has asked for."""
        for key in self._values:
            if key not in self._seen:
                place = self.place.below(key)
                hint = nearest(key, self._seen)
                self.problems.add(
                    "unknown-key", place, f"there is no key {key!r:.80}", hint
                )


def templates(
    value: Data, place: Place, problems: Problems
) -> list[tuple[Place, Reference]]:
    """The references of every template in `value`, faults of the templates noted."""
    found: list[tuple[Place, Reference]] = []
    pending: list[tuple[Data, Place]] = [(value, place)]
    while pending:
        current, spot = pending.pop()
        if isinstance(current, str) and "${" in current:
            try:
                references = Template.parse(current).references
            except ExpressionError as error:
                problems.add(error.code, spot, str(error), error.hint)
            else:
                found.extend((spot, reference) for reference in references)
        elif isinstance(current, Mapping):
            pending.extend((item, spot.below(key)) for key, item in current.items())
        elif isinstance(current, list | tuple):
            pending.extend((item, spot.below(at)) for at, item in enumerate(current))
    return found

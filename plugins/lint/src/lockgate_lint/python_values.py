"""What an expression of firmware can be worth without running it.

Constants are themselves (as `Int` and `Text`, which remember where they were
written), tuples and lists are `Items`, and everything that only shows at run time is
`UNKNOWN`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = [
    "UNKNOWN",
    "Bound",
    "Class",
    "Function",
    "Instance",
    "Int",
    "Items",
    "Machine",
    "PinObject",
    "Table",
    "Text",
    "combine",
    "compare",
    "located",
    "place_of",
]

_INT_LIMIT = 1 << 64
"""Larger numbers are no pins, and must not cost time."""


class _Unknown:
    """A value that only shows at run time."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


class Int(int):
    """A number that knows its line and column."""

    line: int
    column: int


class Text(str):
    """A string that knows its line and column."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple or a list, as long as it was when it was made."""

    values: list[object]


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary with constant keys."""

    values: dict[int | str, object]


@dataclass(slots=True)
class Function:
    """A function of the module; `me` is set once it is a method of an object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    me: object = None


@dataclass(slots=True)
class Class:
    """A class of the module."""

    node: ast.ClassDef
    names: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(slots=True)
class Instance:
    """An object of a class of the module."""

    kind: Class
    names: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Machine:
    """A name of the ``machine`` module, dotted: ``machine.Pin.OUT``."""

    name: str


@dataclass(frozen=True, slots=True)
class PinObject:
    """What ``machine.Pin(...)`` gave."""

    pin: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of a pin: ``led.value``."""

    pin: PinObject
    name: str


def located(node: ast.Constant) -> object:
    """The constant of `node`, which remembers where it was written."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    held: Int | Text = Int(value) if isinstance(value, int) else Text(value)
    held.line, held.column = node.lineno, node.col_offset + 1
    return held


def place_of(value: object, node: ast.expr) -> tuple[int, int]:
    """Where `value` was written, or where `node` stands."""
    if isinstance(value, Int | Text):
        return value.line, value.column
    return node.lineno, node.col_offset + 1


_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
    ast.BitOr: lambda left, right: left | right,
    ast.BitAnd: lambda left, right: left & right,
    ast.RShift: lambda left, right: left >> right,
    ast.LShift: lambda left, right: left << right,
}


def combine(node: ast.operator, left: object, right: object) -> object:
    """`left` operator `right` for numbers, else unknown."""
    do = _OPERATORS.get(type(node))
    if not isinstance(left, int) or not isinstance(right, int) or do is None:
        return UNKNOWN
    small = abs(left) < _INT_LIMIT and abs(right) < _INT_LIMIT
    if not small or (isinstance(node, ast.LShift | ast.RShift) and not 0 <= right < 64):
        return UNKNOWN
    try:
        return do(left, right)
    except ZeroDivisionError:
        return UNKNOWN


def compare(node: ast.cmpop, left: object, right: object) -> object:
    """`left` compared with `right`, or `UNKNOWN` if that only shows at run time."""
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(node, ast.Is | ast.IsNot):
        if left is not None and right is not None:
            return UNKNOWN
        return (left is right) == isinstance(node, ast.Is)
    plain = (int, str, type(None))
    if isinstance(left, plain) and isinstance(right, plain):
        if isinstance(node, ast.Eq):
            return left == right
        if isinstance(node, ast.NotEq):
            return left != right
    return UNKNOWN

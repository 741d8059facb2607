"""The nodes that an expression is read into, and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice
from typing import TypeAlias

__all__ = [
    "Call",
    "Code",
    "Compare",
    "ExpressionError",
    "Junction",
    "JunctionWord",
    "ListOf",
    "Literal",
    "Lookup",
    "Name",
    "Node",
    "Not",
    "children",
]

Code: TypeAlias = Choice[
    "expression-syntax", "expression-limit", "expression-name", "expression-type"
]

JunctionWord: TypeAlias = Choice["and", "or"]


class ExpressionError(ValueError):
    """An expression that cannot be read or has no value here.

    `column` counts from 1 in `source`; 0 if no place can be named.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        column: int = 0,
        hint: str = "",
        source: str = "",
    ) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.column = column
        self.hint = hint
        self.source = source

    def __str__(self) -> str:
        place = f"column {self.column}: " if self.column else ""
        return f"{place}{self.message}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: bool | int | float | str | None
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the environment, or ``item``."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """A key of an object or an index of a list."""

    target: Node
    key: Node
    column: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list written in the text."""

    items: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite truth."""

    operand: Node
    column: int


@dataclass(frozen=True, slots=True)
class Junction:
    """Operands of ``and`` or of ``or``, read from the left, no more than needed."""

    word: JunctionWord
    operands: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values held against each other."""

    operator: str
    left: Node
    right: Node
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """``len``, ``any`` or ``all``."""

    function: str
    arguments: tuple[Node, ...]
    column: int


Node: TypeAlias = Literal | Name | Lookup | ListOf | Not | Junction | Compare | Call


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below it, from the left."""
    match node:
        case Lookup():
            return (node.target, node.key)
        case ListOf():
            return node.items
        case Not():
            return (node.operand,)
        case Junction():
            return node.operands
        case Compare():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case _:
            return ()

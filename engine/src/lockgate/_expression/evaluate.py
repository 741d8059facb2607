"""The evaluation of an expression's nodes over plain data, every step counted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, TypeAlias, cast

from lockgate._expression.nodes import (
    Call,
    Code,
    Compare,
    ExpressionError,
    Junction,
    ListOf,
    Literal,
    Lookup,
    Name,
    Node,
    Not,
)

__all__ = [
    "STEP_LIMIT",
    "Evaluation",
    "Value",
    "is_a",
    "items_of",
    "kind_of",
    "pairs_of",
]

STEP_LIMIT = 100_000
"""Steps of one evaluation: a node, an item looked at, 64 characters compared."""

_CHARS_PER_STEP = 64
_KEYS_LOOKED_AT = 256
_KEYS_IN_HINT = 12
_NO_ITEM = object()

Value: TypeAlias = Any
"""Plain data, or an object that is handed on and never looked into."""


def is_a(value: Value, *types: type) -> bool:
    """`isinstance`, by the true type alone: an object's ``__class__`` stays unread."""
    return issubclass(type(value), types)


def items_of(value: Value) -> Sequence[Value]:
    """`value`, which is known to be a list or tuple."""
    return cast("Sequence[Value]", value)


def pairs_of(value: Value) -> dict[str, Value]:
    """`value`, which is known to be a dict."""
    return cast("dict[str, Value]", value)


class Evaluation:
    """One evaluation: the names, and the steps that are left."""

    def __init__(self, source: str, names: Mapping[str, Value]) -> None:
        self._source = source
        self._names = names
        self._item: Value = _NO_ITEM
        self._left = STEP_LIMIT

    def _error(
        self, code: Code, message: str, column: int, hint: str = ""
    ) -> Exception:
        return ExpressionError(
            code, message, column=column, hint=hint, source=self._source
        )

    def _spend(self, steps: int, column: int) -> None:
        self._left -= steps
        if self._left < 0:
            message = f"the expression takes over {STEP_LIMIT} steps"
            hint = "it looks at too much data: narrow the path first"
            raise self._error("expression-limit", message, column, hint)

    def value(self, node: Node) -> Value:
        """What a node comes to.

        Raises:
            ExpressionError: If it can't be worked out, or the budget is used up.
        """
        self._spend(1, node.column)
        match node:
            case Literal():
                return node.value
            case Name():
                return self._name(node)
            case Lookup():
                return self._lookup(node)
            case ListOf():
                return [self.value(item) for item in node.items]
            case Not():
                return not self.truth(self.value(node.operand), node.column)
            case Junction():
                return self._junction(node)
            case Compare():
                return self._compare(node)
            case Call():
                return self._call(node)

    def truth(self, value: Value, column: int) -> bool:
        """Whether a value counts as true.

        Raises:
            ExpressionError: If it is no data.
        """
        if not _is_data(value):
            raise self._error(
                "expression-type", "this value is neither true nor false", column
            )
        return bool(value)

    def _name(self, node: Name) -> Value:
        if node.name == "item" and self._item is not _NO_ITEM:
            return self._item
        if node.name not in self._names:
            message = f"there is no {node.name!r} here"
            raise self._error(
                "expression-name", message, node.column, _near(node.name, self._names)
            )
        return self._names[node.name]

    def _lookup(self, node: Lookup) -> Value:
        """Walk a path from its start: a long one must not deepen the stack."""
        links = [node]
        while isinstance(links[-1].target, Lookup):
            links.append(links[-1].target)
        value = self.value(links[-1].target)
        for link in reversed(links):
            value = self._below(value, self.value(link.key), link)
        return value

    def _below(self, target: Value, key: Value, node: Lookup) -> Value:
        if is_a(target, dict) and is_a(key, str):
            return self._key(pairs_of(target), key, node)
        if is_a(target, list, tuple) and _is_index(key):
            items = items_of(target)
            if -len(items) <= key < len(items):
                return items[key]
            message = f"there is no item {key}: the list has {len(items)}"
            raise self._error("expression-name", message, node.column)
        wanted = repr(key)[:80] if is_a(key, str, int) else kind_of(key)
        message = f"{kind_of(target)} has no {wanted}"
        hint = ""
        if is_a(target, list, tuple):
            hint = "name an item as [0], or ask any(list, condition over 'item')"
        raise self._error("expression-type", message, node.column, hint)

    def _key(self, target: dict[str, Value], key: str, node: Lookup) -> Value:
        if key not in target:
            message = f"there is no key {key[:80]!r}"
            raise self._error(
                "expression-name", message, node.column, _near(key, target)
            )
        return target[key]

    def _junction(self, node: Junction) -> Value:
        value: Value = None
        for operand in node.operands:
            value = self.value(operand)
            if self.truth(value, operand.column) is (node.word == "or"):
                break
        return value

    def _compare(self, node: Compare) -> bool:
        left, right = self.value(node.left), self.value(node.right)
        match node.operator:
            case "==":
                return self._equal(left, right, node.column)
            case "!=":
                return not self._equal(left, right, node.column)
            case "in":
                return self._contains(right, left, node.column)
            case "not in":
                return not self._contains(right, left, node.column)
            case _:
                return self._ordered(node.operator, left, right, node.column)

    def _equal(self, left: Value, right: Value, column: int) -> bool:
        """Deep equality as Python's, without recursion and with every pair counted."""
        pending = [(left, right)]
        while pending:
            one, two = pending.pop()
            self._spend(1, column)
            if not (_is_data(one) and _is_data(two)):
                message = "only plain data can be compared"
                raise self._error("expression-type", message, column)
            if is_a(one, dict) and is_a(two, dict):
                first, second = pairs_of(one), pairs_of(two)
                self._spend(len(first), column)
                if first.keys() != second.keys():
                    return False
                pending.extend((first[key], second[key]) for key in first)
            elif is_a(one, list, tuple) and is_a(two, list, tuple):
                if len(items_of(one)) != len(items_of(two)):
                    return False
                self._spend(len(items_of(one)), column)
                pending.extend(zip(items_of(one), items_of(two), strict=True))
            elif not self._same(one, two, column):
                return False
        return True

    def _same(self, one: Value, two: Value, column: int) -> bool:
        if is_a(one, str, bytes) and type(one) is type(two):
            self._spend(min(len(one), len(two)) // _CHARS_PER_STEP, column)
        return bool(one == two)

    def _contains(self, holder: Value, wanted: Value, column: int) -> bool:
        if is_a(holder, list, tuple):
            return any(self._equal(wanted, item, column) for item in items_of(holder))
        if is_a(holder, dict) and is_a(wanted, str):
            return wanted in holder
        if is_a(holder, str) and is_a(wanted, str):
            self._spend((len(holder) + len(wanted)) // _CHARS_PER_STEP, column)
            return wanted in holder
        message = f"{kind_of(wanted)} cannot be looked for in {kind_of(holder)}"
        raise self._error("expression-type", message, column)

    def _ordered(self, operator: str, left: Value, right: Value, column: int) -> bool:
        numbers = _is_number(left) and _is_number(right)
        if not numbers and not (is_a(left, str) and is_a(right, str)):
            message = f"{kind_of(left)} and {kind_of(right)} have no order"
            hint = "two numbers or two texts have one"
            raise self._error("expression-type", message, column, hint)
        if not numbers:
            self._spend(min(len(left), len(right)) // _CHARS_PER_STEP, column)
        match operator:
            case "<":
                return bool(left < right)
            case "<=":
                return bool(left <= right)
            case ">":
                return bool(left > right)
            case _:
                return bool(left >= right)

    def _call(self, node: Call) -> Value:
        first = self.value(node.arguments[0])
        if node.function == "len":
            if not is_a(first, list, tuple, dict, str, bytes):
                message = f"{kind_of(first)} has no length"
                raise self._error("expression-type", message, node.column)
            return len(items_of(first))
        if not is_a(first, list, tuple):
            message = f"{node.function} asks for a list, this is {kind_of(first)}"
            raise self._error("expression-type", message, node.column)
        return self._quantified(node, items_of(first))

    def _quantified(self, node: Call, items: Sequence[Value]) -> bool:
        outer, wanted = self._item, node.function == "any"
        try:
            for item in items:
                self._item = item
                value = self.value(node.arguments[1])
                if self.truth(value, node.column) is wanted:
                    return wanted
        finally:
            self._item = outer
        return not wanted


def _is_data(value: Value) -> bool:
    return is_a(value, NoneType, bool, int, float, str, bytes, list, tuple, dict)


def _is_number(value: Value) -> bool:
    return is_a(value, int, float) and not is_a(value, bool)


def _is_index(value: Value) -> bool:
    return is_a(value, int) and not is_a(value, bool)


def kind_of(value: Value) -> str:
    """What a value is, in the words of a message."""
    if value is None:
        return "null"
    if is_a(value, bool):
        return "a boolean"
    if is_a(value, int, float):
        return "a number"
    for types, word in _KINDS:
        if is_a(value, *types):
            return word
    return "an object"


_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((str,), "a text"),
    ((bytes,), "bytes"),
    ((list, tuple), "a list"),
    ((dict,), "an object with keys"),
)


def _near(word: str, known: Iterable[Value]) -> str:
    """A hint that names what was probably meant, or what there is."""
    names = [name for name in known if is_a(name, str)][:_KEYS_LOOKED_AT]
    close = difflib.get_close_matches(word[:80], names, n=1)
    if close:
        return f"did you mean {close[0][:80]!r}?"
    if not names:
        return ""
    shown = ", ".join(name[:40] for name in sorted(names)[:_KEYS_IN_HINT])
    return f"there is: {shown}" + (", …" if len(names) > _KEYS_IN_HINT else "")

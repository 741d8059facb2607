"""Which names may stand for others, by the form of what is assigned to them."""

from __future__ import annotations

import ast
from typing import Any

from lockgate_sandbox.source._dotted import LINKS, MAKERS

__all__ = ["FORMS", "Aliases"]

FORMS = frozenset(
    {ast.Attribute, ast.BoolOp, ast.Call, ast.IfExp, ast.Name, ast.NamedExpr}
    | {ast.Subscript}
)
"""What has to be assigned to a name for it to stand for another."""


class Aliases:
    """Which names may stand for others, by the form of what is assigned to them."""

    def __init__(self) -> None:
        self.makers = {name.rpartition(".")[2] for name in MAKERS} | {"__builtins__"}
        self._plain: dict[str, list[str]] = {}
        self._made: list[tuple[str, str]] = []
        self._from_attribute = self.makers | {"get"}

    def note(self, name: str, value: Any) -> None:
        """`value`, which is one of `FORMS`, is assigned to `name`."""
        cls = value.__class__
        if cls is ast.Name or cls is ast.Attribute or cls is ast.Subscript:
            self._lead(value, name)
        elif cls is ast.Call:
            function = value.func
            if function.__class__ is ast.Name:
                self._made.append((function.id, name))
            elif function.__class__ is not ast.Attribute:
                self._lead(value, name)
            elif function.attr in self._from_attribute:
                self._lead(function, name)
        elif cls is ast.IfExp:
            self._lead(value.body, name)
            self._lead(value.orelse, name)
        elif cls is ast.BoolOp:
            for part in value.values[:4]:
                self._lead(part, name)
        elif cls is ast.NamedExpr:
            self._lead(value.value, name)

    def _lead(self, value: ast.expr, name: str) -> None:
        self._plain.setdefault(_root(value), []).append(name)

    def reached(self, watched: set[str]) -> set[str]:
        """Every name that leads to one of `watched`, however many steps away."""
        makers = self.makers | self._closure(self.makers, self._plain)
        for function, name in self._made:
            if function in makers:
                self._plain.setdefault(function, []).append(name)
        return self._closure(watched | makers, self._plain)

    @staticmethod
    def _closure(start: set[str], leads: dict[str, list[str]]) -> set[str]:
        found: set[str] = set()
        fresh = [name for name in leads if name in start]
        while fresh:
            for name in leads[fresh.pop()]:
                if name not in found:
                    found.add(name)
                    if name in leads:
                        fresh.append(name)
        return found


def _root(node: Any) -> str:
    """The name that an expression begins with, or an empty text."""
    for _ in range(LINKS):
        cls = node.__class__
        if cls is ast.Name:
            return node.id  # type: ignore[no-any-return]
        if cls is ast.Attribute or cls is ast.Subscript or cls is ast.NamedExpr:
            node = node.value
        elif cls is ast.Call:
            node = node.func
        elif cls is ast.IfExp:
            node = node.body
        else:
            return ""
    return ""

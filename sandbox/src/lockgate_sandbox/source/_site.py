"""What a rule's check is given: the place it looks at, and where it reports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from lockgate_sandbox.source._names import Names
from lockgate_sandbox.source._scope import Scope
from lockgate_sandbox.source.findings import Rule

__all__ = [
    "CallCheck",
    "Family",
    "KeyCheck",
    "Report",
    "Site",
    "StepCheck",
    "TextCheck",
    "TextLook",
    "argument",
]

Report: TypeAlias = "tuple[int, int, int, int, Rule, str, str]"
"""Line, column in bytes from 0, end line, end column; rule, message, subject."""


class Site:
    """One module under scrutiny; `scope` is where the node at hand stands."""

    __slots__ = ("_limit", "names", "reports", "scope", "source")

    def __init__(self, names: Names, scope: Scope, source: bytes, limit: int) -> None:
        self.names = names
        self.scope = scope
        self.source = source
        self.reports: list[Report] = []
        self._limit = limit

    def report(
        self, rule: Rule, node: ast.AST, message: str, subject: str = ""
    ) -> None:
        """Say that `rule` applies to `node`."""
        line: int = getattr(node, "lineno", 1)
        column: int = getattr(node, "col_offset", 0)
        end: int = getattr(node, "end_lineno", None) or line
        end_column: int = getattr(node, "end_col_offset", None) or column
        self.report_at((line, column, end, end_column), rule, message, subject)

    def report_at(
        self, place: tuple[int, int, int, int], rule: Rule, message: str, subject: str
    ) -> None:
        """Say that `rule` applies to `place`: lines from 1, byte columns from 0."""
        if len(self.reports) <= self._limit:
            self.reports.append((*place, rule, message, subject[:200]))

    @property
    def full(self) -> bool:
        """Whether more was found than is kept."""
        return len(self.reports) > self._limit

    def dotted(self, node: ast.expr) -> frozenset[str]:
        """What `node` may stand for, as dotted names."""
        return self.names.resolve(node, self.scope)

    def text(self, node: ast.expr | None) -> str | None:
        """The text that `node` is for sure, or None."""
        return None if node is None else self.names.text(node, self.scope)

    def value(self, node: ast.expr) -> ast.expr:
        """`node`, or what it is the only name of."""
        if isinstance(node, ast.Name):
            return self.names.only_value(node.id, self.scope) or node
        return node


CallCheck: TypeAlias = "Callable[[Site, ast.Call, str], None]"
"""Judges a call of the dotted name, or the method, that it is registered for."""

StepCheck: TypeAlias = "Callable[[Site, ast.Attribute], bool]"
"""Judges an attribute that `Family.attributes` names; True if it reported."""

KeyCheck: TypeAlias = "Callable[[Site, ast.Subscript, str], None]"
"""Judges a subscript whose key is a text for sure."""

TextCheck: TypeAlias = "Callable[[Site, ast.Constant, str], None]"
"""Judges a text (or bytes, decoded as Latin-1)."""


class TextLook(NamedTuple):
    """Literals that a check wants to see: of `least` to `most` characters."""

    check: TextCheck
    words: tuple[str, ...] = ()
    least: int = 5
    most: int = 1 << 62


@dataclass(frozen=True, slots=True)
class Family:
    """The rules of one module and what sets them off.

    `modules` are set off by an import, in whatever form; a submodule by its
    package's entry unless it has its own. `names` by any mention of a dotted
    name; `calls` only by its call, and judge the arguments. `attributes` by an
    attribute of anything, also through `getattr`, unless one of `steps` has more
    to say of it; `methods` by a call of one. `keys` see subscripts with a text.
    `changed` are set off by an assignment to an attribute or item of a dotted name.
    `texts` see every literal that is as long as said, and holds one of the words if
    there are any. `whole` sees the module once, if its bytes hold the word.
    """

    rules: tuple[Rule, ...]
    modules: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    names: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    calls: Mapping[str, CallCheck] = field(default_factory=dict[str, CallCheck])
    attributes: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    methods: Mapping[str, CallCheck] = field(default_factory=dict[str, CallCheck])
    changed: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    steps: tuple[StepCheck, ...] = ()
    keys: tuple[KeyCheck, ...] = ()
    texts: tuple[TextLook, ...] = ()
    whole: tuple[tuple[bytes, Callable[[Site], None]], ...] = ()


def argument(node: ast.Call, index: int, keyword: str = "") -> ast.expr | None:
    """The argument at `index`, or that of the keyword."""
    if index < len(node.args):
        return node.args[index]
    for given in node.keywords:
        if keyword and given.arg == keyword:
            return given.value
    return None

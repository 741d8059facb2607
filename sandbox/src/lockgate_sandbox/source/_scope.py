"""What stands in a module: its scopes, and the nodes that rules look at."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from itertools import accumulate
from typing import Any, Literal, TypeAlias

__all__ = ["LONG_TEXT", "Bound", "Places", "Scope", "Texts", "Value"]

Kind = Literal["module", "class", "function"]

Value: TypeAlias = "ast.expr | str | None"
"""What a name stands for: an expression, a dotted name, or unknown."""

Bound: TypeAlias = "tuple[Value, Scope, ast.AST]"
"""The value of a name, the scope in which it is bound, and the node that does it."""

LONG_TEXT = 1_024
"""Literals with more characters are kept apart."""


class Scope:
    """A module, class or function: a part of the tree with names of its own.

    A comprehension counts as a function, as in the language. `outer` holds the names
    declared ``global`` or ``nonlocal`` in it.
    """

    __slots__ = ("body", "kind", "outer", "parent", "top")

    def __init__(self, kind: Kind, parent: Scope | None, body: list[Any]) -> None:
        self.kind = kind
        self.parent = parent
        self.body = body
        self.outer: dict[str, str] | None = None
        self.top: set[int] | None = None

    def declared(self, name: str) -> Scope:
        """The scope that `name` belongs to when it is bound in this one."""
        word = self.outer.get(name) if self.outer is not None else None
        scope = self
        while word is not None and scope.parent is not None:
            scope = scope.parent
            if word == "nonlocal" and scope.kind == "function":
                break
        return scope

    def is_firm(self, node: ast.AST) -> bool:
        """Whether `node` is a statement of the body itself, under no condition."""
        if self.top is None:
            self.top = set(map(id, self.body))
        return id(node) in self.top


class Texts:
    """Literals that are long enough to say something, as text, and their nodes."""

    __slots__ = ("_begins", "_everything", "nodes", "said")

    def __init__(self) -> None:
        self.said: list[str] = []
        self.nodes: list[ast.Constant] = []
        self._everything = ""
        self._begins: list[int] = []

    def holding(self, words: Iterable[str]) -> list[int]:
        """Which of them hold one of `words`, in order; the empty word is in all."""
        # By far most modules hold none of the words, and most literals neither: a
        # word is looked for in all of them at once, and then in those after the one
        # that holds it. None of the words holds the null that stands between two.
        if not self._everything:
            self._everything = "\0".join(self.said)
        found: set[int] = set()
        for word in words if self.said else ():
            place = self._everything.find(word)
            while place >= 0:
                at = bisect_right(self._starts(), place) - 1
                found.add(at)
                place = self._everything.find(word, self._starts()[at + 1])
        return sorted(found)

    def _starts(self) -> list[int]:
        """Where each begins when they are joined, and one more."""
        if not self._begins:
            lengths = (len(text) + 1 for text in self.said)
            self._begins = list(accumulate(lengths, initial=0))
        return self._begins


class Places:
    """The nodes of one module that may matter, each with the scope it stands in.

    Of attributes, and of calls of them (`methods`), only those are kept whose name is
    one of `words`. `calls` are those of names, `made` those of anything else.
    `names` stand in one row, but for those that are assigned to; the ones of a scope
    begin at its entry in `starts`, and `ids` is what they say. `changes` is what is
    assigned to and no name, with the statement. `bound` is what binds each name, but
    for `names` that are not read.
    """

    __slots__ = (
        "attributes", "bound", "calls", "changes", "ids", "imports", "long_texts",
        "made", "methods", "names", "scopes", "starts", "subscripts", "texts", "words",
    )  # fmt: skip

    def __init__(self, tree: ast.Module, words: Container[str]) -> None:
        self.words = words
        self.scopes = [Scope("module", None, tree.body)]
        self.starts: list[int] = []
        self.names: list[ast.Name] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[ast.Attribute, Scope]] = []
        self.methods: list[tuple[ast.Call, Scope]] = []
        self.calls: list[tuple[str, ast.Call, Scope]] = []
        self.made: list[tuple[ast.Call, Scope]] = []
        self.subscripts: list[tuple[ast.Subscript, Scope]] = []
        self.changes: list[tuple[ast.Attribute | ast.Subscript, ast.AST, Scope]] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.bound: defaultdict[str, list[Bound]] = defaultdict(list)
        self.texts = Texts()
        self.long_texts = Texts()

    def named(self, ids: Container[str]) -> Iterator[tuple[ast.Name, Scope]]:
        """The `names` that are one of `ids`."""
        for at in [at for at, name in enumerate(self.ids) if name in ids]:
            yield self.names[at], self.scopes[bisect_right(self.starts, at) - 1]

"""What a name in source stands for: ``s`` after ``from os import system as s``.

Names are followed through imports, assignments, default arguments, attribute
chains, ``getattr`` and ``__import__`` with a literal, ``sys.modules[...]`` and
``__dict__``. A name that the module binds for sure, and before its use, is not the
builtin; one that is bound under a condition may be either.

Every answer is a set of dotted names, empty if nobody can say. Work is bounded:
a chain of more links, or a name with more bindings than the bounds, is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Container
from functools import cache

from lockgate_sandbox.source._aliases import FORMS, Aliases
from lockgate_sandbox.source._dotted import (
    GETTERS,
    IMPORTERS,
    LINKS,
    MAKERS,
    canonical,
)
from lockgate_sandbox.source._fold import fold
from lockgate_sandbox.source._scope import Bound, Places, Scope

__all__ = ["Names"]

_NOTHING: frozenset[str] = frozenset()
_DEPTH = 24
_BINDINGS = 64


@cache
def _builtin(name: str) -> frozenset[str]:
    """What the builtin `name` is."""
    return frozenset(
        {"builtins" if name == "__builtins__" else canonical(f"builtins.{name}")}
    )


class Names:
    """The names of one module.

    `builtins` and the dotted names `asked` are those that rules ask about.
    """

    def __init__(
        self,
        places: Places,
        builtins: frozenset[str],
        asked: Container[str],
        leading: Container[str],
    ) -> None:
        self._module = places.scopes[0]
        self._builtins = builtins
        self._leading = leading
        self._values: dict[tuple[Scope, str], frozenset[str] | None] = {}
        self._known: dict[tuple[Scope, str], frozenset[str]] = {}
        self._firm: dict[tuple[Scope, str], int] = {}
        self._depth = 0
        self.stars: list[str] = []
        """The modules that everything was imported from."""
        self.watch = set(builtins)
        """Every name that may lead to something a rule is about."""
        self.told = set(builtins)
        """Those of them whose mention alone may be one."""
        self.mentions: list[tuple[ast.Name, Scope]] = []
        """Where those are read."""
        self._follow(places, asked)
        self._sort(places)
        self._all: dict[str, list[Bound]] = places.bound
        self._by_scope: dict[str, dict[Scope, list[Bound]]] = {}

    def _follow(self, places: Places, asked: Container[str]) -> None:
        """Note which names lead to something, by imports and by others."""
        aliases = Aliases()
        self.stars += [str(module) for module, _, _ in places.bound.pop("*", ())]
        for name, bound in places.bound.items():
            for value, _, _ in bound:
                if value is None:
                    continue
                if value.__class__ in FORMS:
                    aliases.note(name, value)
                elif isinstance(value, str):
                    self.watch.add(name)
                    if value in asked:
                        self.told.add(name)
                    if value in MAKERS:
                        aliases.makers.add(name)
        fresh = aliases.reached(self.watch)
        self.watch |= fresh
        self.told |= fresh
        if self.stars:
            read = self._starred(places.ids)
            self.told |= read | aliases.reached(self.watch | read)

    def _starred(self, ids: list[str]) -> set[str]:
        """Names that may have come by a star and lead to something."""
        return {
            name
            for name in set(ids)
            for module in self.stars
            if canonical(f"{module}.{name}") in self._leading
        }

    def _sort(self, places: Places) -> None:
        """Note where watched names are bound otherwise: loops, ``with``, ``del``."""
        for node, scope in places.named(self.watch | self.told):
            if node.ctx.__class__ is ast.Load:
                if node.id in self.told:
                    self.mentions.append((node, scope))
            elif node.id in self.watch:
                places.bound[node.id].append((None, scope, node))
                if node.ctx.__class__ is ast.Del:
                    # From here on the builtin may show through again.
                    self._firm[scope, node.id] = 1 << 60

    def _bound(self, name: str) -> dict[Scope, list[Bound]]:
        """What binds `name`, by scope."""
        found = self._by_scope.get(name)
        if found is None:
            found = self._by_scope[name] = {}
            for one in self._all[name]:
                found.setdefault(one[1].declared(name), []).append(one)
        return found

    def lookup(self, name: str, scope: Scope, line: int) -> frozenset[str]:
        """What `name` may stand for when it is read in `scope` at `line`."""
        if name in self._builtins:
            if name not in self._all:
                return _builtin(name)
            return self._found(name, scope, line)
        # No builtin shows through, so the line is of no interest.
        key = (scope, name)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._found(name, scope, 1 << 60)
        return known

    def _found(self, name: str, scope: Scope, line: int) -> frozenset[str]:
        outer = scope.outer is not None and name in scope.outer
        at: Scope | None = self._module if outer else scope
        found: frozenset[str] = _NOTHING
        bindings = self._bound(name) if name in self._all else {}
        known = False
        while at is not None:
            if at in bindings and (at.kind != "class" or at is scope):
                known = True
                found |= self._values_of(name, at)
                if at.kind == "function" or self._firm_line(name, at) < line:
                    return found
            at = at.parent
        if name in self._builtins:
            return found | _builtin(name)
        if not known and self.stars:
            return frozenset(canonical(f"{module}.{name}") for module in self.stars)
        return found

    def _firm_line(self, name: str, scope: Scope) -> int:
        key = (scope, name)
        line = self._firm.get(key)
        if line is None:
            lines = [
                getattr(node, "lineno", 0)
                for _, _, node in self._bound(name)[scope]
                if scope.is_firm(node)
            ]
            line = self._firm[key] = min(lines, default=1 << 60)
        return line

    def _values_of(self, name: str, scope: Scope) -> frozenset[str]:
        key = (scope, name)
        if key not in self._values:
            self._values[key] = None  # a name that leads to itself
            found: set[str] = set()
            for value, bound_in, node in self._bound(name)[scope][:_BINDINGS]:
                if isinstance(value, str):
                    found.add(value)
                elif value is not None:
                    # A default is evaluated where its function is made.
                    outside = bound_in.parent if value is node else None
                    found |= self.resolve(value, outside or bound_in)
            self._values[key] = frozenset(found)
        return self._values[key] or _NOTHING

    def resolve(self, node: ast.expr, scope: Scope) -> frozenset[str]:
        """What the expression `node` may stand for."""
        tail: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                tail.append(node.attr)
                node = node.value
                if len(tail) > LINKS:
                    return _NOTHING
            elif isinstance(node, ast.NamedExpr):
                node = node.value
            else:
                break
        if isinstance(node, ast.Name):
            if node.id not in self.watch and not self.stars:
                return _NOTHING
            bases = self.lookup(node.id, scope, node.lineno)
        else:
            bases = self._made(node, scope)
        if not tail or not bases:
            return bases
        rest = ".".join(reversed(tail))
        return frozenset(canonical(f"{base}.{rest}") for base in bases)

    def _made(self, node: ast.expr, scope: Scope) -> frozenset[str]:
        """What a call or a subscript may give."""
        if self._depth > _DEPTH:
            return _NOTHING
        self._depth += 1
        try:
            if isinstance(node, ast.Call):
                return self._called(node, scope)
            if isinstance(node, ast.Subscript):
                return self._item(self.resolve(node.value, scope), node.slice, scope)
            if isinstance(node, ast.IfExp):
                other = self.resolve(node.orelse, scope)
                return self.resolve(node.body, scope) | other
            if isinstance(node, ast.BoolOp):
                found = [self.resolve(value, scope) for value in node.values[:4]]
                return _NOTHING.union(*found)
        finally:
            self._depth -= 1
        return _NOTHING

    def _called(self, node: ast.Call, scope: Scope) -> frozenset[str]:
        found: set[str] = set()
        for function in self.resolve(node.func, scope):
            if function in IMPORTERS and node.args:
                found |= self._imported(function, node, scope)
            elif function in GETTERS and len(node.args) > 1:
                attribute = self.text(node.args[1], scope)
                if attribute is not None:
                    bases = self.resolve(node.args[0], scope)
                    found |= {canonical(f"{base}.{attribute}") for base in bases}
            elif function == "builtins.vars" and node.args:
                bases = self.resolve(node.args[0], scope)
                found |= {f"{base}.__dict__" for base in bases}
            elif function in ("builtins.globals", "builtins.locals"):
                found.add("globals.__dict__")
            elif function.endswith((".__dict__.get", "sys.modules.get")) and node.args:
                base = frozenset({function.removesuffix(".get")})
                found |= self._item(base, node.args[0], scope)
            elif function == "functools.partial" and node.args:
                found |= self.resolve(node.args[0], scope)
        return frozenset(found)

    def _imported(self, function: str, node: ast.Call, scope: Scope) -> set[str]:
        name = self.text(node.args[0], scope)
        if not name:
            return set()
        if function == "builtins.__import__" and len(node.args) < 4:
            return {canonical(name.partition(".")[0]), canonical(name)}
        return {canonical(name)}

    def _item(
        self, bases: frozenset[str], key: ast.expr, scope: Scope
    ) -> frozenset[str]:
        if not bases:
            return _NOTHING
        name = self.text(key, scope)
        if name is None:
            return _NOTHING
        found: set[str] = set()
        for base in bases:
            if base == "sys.modules":
                found.add(canonical(name))
            elif base == "globals.__dict__":
                found |= self.lookup(name, self._module, 1 << 60)
                if name in self._builtins:
                    found.add(canonical(f"builtins.{name}"))
            elif base == "builtins":
                found.add(canonical(f"builtins.{name}"))
            elif base.endswith(".__dict__"):
                found.add(canonical(f"{base.removesuffix('.__dict__')}.{name}"))
        return frozenset(found)

    def text(self, node: ast.expr, scope: Scope) -> str | None:
        """The text that `node` is for sure, decoded if it is bytes, or None."""
        value = fold(node, self.value_in(scope))
        return value.decode("latin-1") if isinstance(value, bytes) else value

    def value_in(self, scope: Scope) -> _Values:
        """What `fold` asks for the one value of a name."""
        return _Values(self, scope)

    def only_value(self, name: str, scope: Scope) -> ast.expr | None:
        """The expression that `name` is bound to, if there is only one."""
        if name not in self._all:
            return None
        bindings = self._bound(name)
        at: Scope | None = scope
        while at is not None:
            bound = bindings.get(at)
            if bound:
                return _only_expression(bound)
            at = at.parent
        return None


def _only_expression(bound: list[Bound]) -> ast.expr | None:
    """The one value in `bound` that is known, if it is an expression."""
    only: ast.expr | str | None = None
    for value, _, _ in bound:
        if value is not None:
            if only is not None:
                return None
            only = value
    return None if isinstance(only, str) else only


class _Values:
    """The values of names as one scope sees them."""

    __slots__ = ("_left", "_names", "_scope")

    def __init__(self, names: Names, scope: Scope) -> None:
        self._names = names
        self._scope = scope
        self._left = _BINDINGS  # sums of names double with each step

    def value(self, name: str) -> ast.expr | None:
        """The one expression that `name` stands for, or None."""
        self._left -= 1
        return self._names.only_value(name, self._scope) if self._left >= 0 else None

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
from collections.abc import Container, Iterable

from lockgate_sandbox.source._fold import fold
from lockgate_sandbox.source._scope import Scope

__all__ = ["Names"]

_NOTHING: frozenset[str] = frozenset()
_LINKS = 64
_DEPTH = 24
_BINDINGS = 64

# The same object under the name that rules know.
_SAME_MODULE = {
    "posix": "os",
    "nt": "os",
    "_io": "io",
    "_pickle": "pickle",
    "_socket": "socket",
    "_thread": "threading",
    "_ctypes": "ctypes",
    "__builtin__": "builtins",
    "__builtins__": "builtins",
}
_SAME_NAME = {
    "io.open": "builtins.open",
    "_pyio.open": "builtins.open",
    "importlib.__import__": "builtins.__import__",
    "importlib._bootstrap._gcd_import": "importlib.import_module",
    "importlib._bootstrap.import_module": "importlib.import_module",
}
_GETTERS = {
    "builtins.getattr": 0,
    "inspect.getattr_static": 0,
    "builtins.object.__getattribute__": 0,
    "builtins.type.__getattribute__": 0,
}
_IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module"})
_MAKERS = frozenset(
    {*_GETTERS, *_IMPORTERS, "builtins.vars", "builtins.globals", "builtins.locals"}
    | {"functools.partial"}
)
"""Functions whose answer may be something a rule is about."""


def canonical(dotted: str) -> str:
    """`dotted` under the name that rules know."""
    head, dot, rest = dotted.partition(".")
    head = _SAME_MODULE.get(head, head)
    whole = head + dot + rest
    return _SAME_NAME.get(whole, whole)


class Names:
    """The names of one module.

    `builtins` and the dotted names `asked` are those that rules ask about.
    """

    def __init__(
        self, scopes: list[Scope], builtins: frozenset[str], asked: Container[str]
    ) -> None:
        self._module = scopes[0]
        self._builtins = builtins
        self._values: dict[tuple[int, str], frozenset[str] | None] = {}
        self._known: dict[tuple[int, str], frozenset[str]] = {}
        self._firm: dict[tuple[int, str], int] = {}
        self._depth = 0
        self.watch = set(builtins)
        """Every name that may lead to something a rule is about."""
        self.told = set(builtins)
        """Those of them whose mention alone may be one."""
        aliases = _Aliases()
        for scope in scopes:
            self._bind(scope, asked, aliases)
        fresh = aliases.reached(self.watch)
        self.watch |= fresh
        self.told |= fresh

    @property
    def stars(self) -> list[str]:
        """The modules that everything was imported from."""
        return self._module.stars

    def _bind(self, scope: Scope, asked: Container[str], aliases: _Aliases) -> None:
        for statement in scope.imports:
            for name, dotted in imported(statement):
                if name == "*":
                    scope.stars.append(dotted)
                else:
                    scope.bind(name, dotted, statement)
                    self.watch.add(name)
                    if dotted in asked:
                        self.told.add(name)
                    if dotted in _MAKERS:
                        aliases.makers.add(name)
        for target, value, node in scope.assigns:
            if isinstance(target, ast.Name):
                scope.bind(target.id, value, node)
                aliases.note(target.id, value)
        for name, default in scope.defaults:
            scope.bind(name, default, default, scope.parent)
            aliases.note(name, default)

    def shadow(self, scopes: Iterable[Scope]) -> None:
        """Note where watched names are bound otherwise: loops, ``with``, ``del``."""
        watch = self.watch
        for scope in scopes:
            for node in scope.stores:
                if node.id in watch:
                    scope.bind(node.id, None, node)
                    if node.ctx.__class__ is ast.Del:
                        # From here on the builtin may show through again.
                        self._firm[id(scope), node.id] = 1 << 60

    def lookup(self, name: str, scope: Scope, line: int) -> frozenset[str]:
        """What `name` may stand for when it is read in `scope` at `line`."""
        if name in self._builtins:
            return self._found(name, scope, line)
        # No builtin shows through, so the line is of no interest.
        key = (id(scope), name)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._found(name, scope, 1 << 60)
        return known

    def _found(self, name: str, scope: Scope, line: int) -> frozenset[str]:
        at: Scope | None = self._module if name in scope.outer else scope
        found: frozenset[str] = _NOTHING
        known = False
        while at is not None:
            if name in at.bound and (at.kind != "class" or at is scope):
                known = True
                found |= self._values_of(name, at)
                if at.kind == "function" or self._firm_line(name, at) < line:
                    return found
            at = at.parent
        if name in self._builtins:
            whole = canonical(f"builtins.{name}")
            return found | {"builtins" if name == "__builtins__" else whole}
        if not known and self._module.stars:
            return frozenset(canonical(f"{m}.{name}") for m in self._module.stars)
        return found

    def _firm_line(self, name: str, scope: Scope) -> int:
        key = (id(scope), name)
        line = self._firm.get(key)
        if line is None:
            lines = [
                getattr(node, "lineno", 0)
                for _, _, node in scope.bound[name]
                if scope.is_firm(node)
            ]
            line = self._firm[key] = min(lines, default=1 << 60)
        return line

    def _values_of(self, name: str, scope: Scope) -> frozenset[str]:
        key = (id(scope), name)
        if key not in self._values:
            self._values[key] = None  # a name that leads to itself
            found: set[str] = set()
            for value, read_in, _ in scope.bound[name][:_BINDINGS]:
                if isinstance(value, str):
                    found.add(value)
                elif value is not None:
                    found |= self.resolve(value, read_in)
            self._values[key] = frozenset(found)
        return self._values[key] or _NOTHING

    def resolve(self, node: ast.expr, scope: Scope) -> frozenset[str]:
        """What the expression `node` may stand for."""
        tail: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                tail.append(node.attr)
                node = node.value
                if len(tail) > _LINKS:
                    return _NOTHING
            elif isinstance(node, ast.NamedExpr):
                node = node.value
            else:
                break
        if isinstance(node, ast.Name):
            if node.id not in self.watch and not self._module.stars:
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
            if function in _IMPORTERS and node.args:
                found |= self._imported(function, node, scope)
            elif function in _GETTERS and len(node.args) > 1:
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
        at: Scope | None = scope
        while at is not None:
            bound = at.bound.get(name)
            if bound:
                values = [value for value, _, _ in bound if value is not None]
                only = values[0] if len(values) == 1 else None
                return None if isinstance(only, str) else only
            at = at.parent
        return None


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


def imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """The names that an import binds, each with what it stands for."""
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        joint = "" if module.endswith(".") else "."
        return [
            ("*", module)
            if alias.name == "*"
            else (alias.asname or alias.name, canonical(module + joint + alias.name))
            for alias in node.names
        ]
    return [
        (alias.asname, canonical(alias.name))
        if alias.asname
        else (alias.name.partition(".")[0], canonical(alias.name.partition(".")[0]))
        for alias in node.names
    ]


class _Aliases:
    """Which names may stand for others, by the form of what is assigned to them."""

    def __init__(self) -> None:
        self.makers = {name.rpartition(".")[2] for name in _MAKERS} | {"__builtins__"}
        self._plain: dict[str, list[str]] = {}
        self._made: list[tuple[str, str]] = []
        self._from_attribute = self.makers | {"get"}

    def note(self, name: str, value: ast.expr) -> None:
        """`value` is assigned to `name`."""
        cls = value.__class__
        if cls is ast.Name or cls is ast.Attribute or cls is ast.Subscript:
            self._plain.setdefault(_root(value), []).append(name)
        elif isinstance(value, ast.Call):
            function = value.func
            if isinstance(function, ast.Name):
                self._made.append((function.id, name))
            elif not isinstance(function, ast.Attribute):
                self._plain.setdefault(_root(value), []).append(name)
            elif function.attr in self._from_attribute:
                self._plain.setdefault(_root(function), []).append(name)
        elif isinstance(value, ast.IfExp):
            for part in (value.body, value.orelse):
                self._plain.setdefault(_root(part), []).append(name)
        elif isinstance(value, ast.BoolOp):
            for part in value.values[:4]:
                self._plain.setdefault(_root(part), []).append(name)
        elif isinstance(value, ast.NamedExpr):
            self._plain.setdefault(_root(value.value), []).append(name)

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


def _root(node: ast.expr) -> str:
    """The name that an expression begins with, or an empty text."""
    for _ in range(_LINKS):
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.NamedExpr):
            node = node.value
        elif isinstance(node, ast.IfExp):
            node = node.body
        else:
            return ""
    return ""

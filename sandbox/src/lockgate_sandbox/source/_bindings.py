"""What each scope binds, by name; made for a scope when the first name is asked for."""

from __future__ import annotations

import ast

from lockgate_sandbox.source._scope import Bound, Places, Scope, Value
from lockgate_sandbox.source._walk import defaults_of, parameters_of

__all__ = ["Bindings"]


class Bindings:
    """The names that the scopes of one module bind.

    `names` are all of them: of most that are looked up none is bound anywhere.
    """

    def __init__(self, places: Places) -> None:
        self._rows = places.bindings
        self._more: dict[Scope, list[tuple[str, Bound]]] = {}
        self._made: list[Scope] = []
        self.names = {name for name, _, _ in places.bindings}
        self.names.update([arg.arg for arg in places.parameters])
        for scope in places.declaring:
            for name, value, node in self._rows[scope.first : scope.last]:
                if scope.outer is not None and name in scope.outer:
                    self.add(scope, name, value, node)

    def add(self, scope: Scope, name: str, value: Value, node: ast.AST) -> None:
        """Say that `node`, in `scope`, binds `name`. Only before anything is asked."""
        bound = (name, (value, scope, node))
        self._more.setdefault(scope.declared(name), []).append(bound)
        self.names.add(name)

    def of(self, scope: Scope) -> dict[str, list[Bound]]:
        """What `scope` binds."""
        bound = scope.bound
        if bound is None:
            bound = scope.bound = self._bound(scope)
            self._made.append(scope)
        return bound

    def _bound(self, scope: Scope) -> dict[str, list[Bound]]:
        bound: dict[str, list[Bound]] = {}
        given = getattr(scope.node, "args", None)
        if isinstance(given, ast.arguments):
            for arg in parameters_of(given):
                bound[arg.arg] = [(None, scope, scope.node)]
        outer = scope.outer or ()
        for name, value, node in self._rows[scope.first : scope.last]:
            if name not in outer:
                bound.setdefault(name, []).append((value, scope, node))
        if isinstance(given, ast.arguments):
            for name, default in defaults_of(given):
                # It is evaluated where the function is made.
                read_in = scope.parent or scope
                bound[name].append((default, read_in, default))
        for name, one in self._more.get(scope, ()):
            bound.setdefault(name, []).append(one)
        return bound

    def forget(self) -> None:
        """Undo the circles: what is bound points to its scope, and that to it."""
        for scope in self._made:
            scope.bound = None

"""What a top-level name of a plugin's module stands for, across its own modules."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

from lockgate.contract._modules import Bound, Module, Sources

__all__ = ["Found", "dotted_of", "find"]

_STEPS = 16
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for: one of these, all empty where nobody can say.

    `node` in `module`: a function, a class or an expression; `dotted`: something of
    another distribution; `missing`: surely not there, in `module`.
    """

    module: Module | None = None
    node: ast.AST | None = None
    dotted: str = ""
    missing: bool = False
    line: int = 0
    twice: int = 0
    """The line of an earlier function of the same name, which is lost."""


UNKNOWN = Found()


def find(sources: Sources, module: Module, name: str, steps: int = _STEPS) -> Found:
    """What `name` stands for at the end of `module`.

    Raises:
        SourceError: If a module of the plugin's own can't be parsed.
    """
    bound = module.bound.get(name)
    if not sources.step(len(bound or module.stars) + 1):
        return UNKNOWN
    if bound is None:
        return _unbound(sources, module, name, steps)
    if len(bound) > 1 and not all(one.firm for one in bound):
        return UNKNOWN
    last = bound[-1]
    if last.dotted:
        return _find_dotted(sources, last.dotted, steps - 1)
    if last.node is None:
        return UNKNOWN
    return Found(module, last.node, line=last.line, twice=_earlier(bound))


def _earlier(bound: list[Bound]) -> int:
    """The line of a function that the last binding of its name replaces."""
    last, *before = reversed(bound)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    if not isinstance(last.node, kinds):
        return 0
    for one in before:
        plain = isinstance(one.node, kinds) and not any(
            "overload" in (getattr(mark, "attr", ""), getattr(mark, "id", ""))
            for mark in one.node.decorator_list
        )
        if plain:
            return one.line
    return 0


def _unbound(sources: Sources, module: Module, name: str, steps: int) -> Found:
    for star in module.stars:
        found = _find_dotted(sources, f"{star}.{name}", steps - 1)
        if found.node is not None:
            return found
    if module.dynamic or module.stars:
        return UNKNOWN
    if name in _BUILTINS:
        return Found(dotted=f"builtins.{name}")
    return Found(module, missing=True)


def _find_dotted(sources: Sources, dotted: str, steps: int = _STEPS) -> Found:
    """What a full name stands for: a module of the plugin's own is looked into."""
    owner, _, name = dotted.rpartition(".")
    if steps <= 0 or not owner:
        return Found(dotted=dotted) if owner else UNKNOWN
    if not sources.has_package(dotted) or dotted.startswith("lockgate."):
        return Found(dotted=dotted)
    if sources.module(dotted) is not None:
        return UNKNOWN  # a module, which is no function and no type
    module = sources.module(owner)
    if module is None:
        return UNKNOWN
    return find(sources, module, name, steps)


def dotted_of(sources: Sources, module: Module, node: ast.expr) -> Found:
    """What a name, or a chain of attributes of an imported module, stands for."""
    tail: list[str] = []
    while isinstance(node, ast.Attribute) and len(tail) < _STEPS:
        tail.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return UNKNOWN
    if not tail:
        return find(sources, module, node.id)
    bound = module.bound.get(node.id, ())
    if len(bound) != 1 or not bound[0].dotted:
        return UNKNOWN
    return _find_dotted(sources, ".".join([bound[0].dotted, *reversed(tail)]))

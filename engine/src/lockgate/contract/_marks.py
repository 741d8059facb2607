"""The mark ``@hookimpl`` above a function, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lockgate.contract._modules import Module, Sources
from lockgate.contract._names import dotted_of

__all__ = ["Mark", "is_generator", "mark_of"]

_HOOKIMPL = frozenset({"lockgate.hookimpl", "lockgate.plugin.hookimpl"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mark:
    """What the decorators of a function say.

    `hook` is its ``specname``; `wrapper` is None where nobody can say. `alone` is
    whether nothing else decorates the function. `sure` is whether ``@hookimpl``
    itself was seen; else a decorator may do the marking.
    """

    hook: str = ""
    wrapper: bool | None = False
    order: Literal["first", "last", ""] = ""
    optional: bool = False
    alone: bool = True
    sure: bool = True


def mark_of(sources: Sources, module: Module, node: Function) -> Mark | None:
    """The mark of a function; None if it surely has none."""
    marks: list[Mark] = []
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        named = call.func if call is not None else decorator
        if dotted_of(sources, module, named).dotted in _HOOKIMPL:
            marks.append(_read(call))
    others = len(node.decorator_list) - len(marks)
    if not marks:
        return Mark(wrapper=None, alone=False, sure=False) if others else None
    mark = marks[0]
    return Mark(mark.hook, mark.wrapper, mark.order, mark.optional, alone=not others)


def _read(call: ast.Call | None) -> Mark:
    """What ``hookimpl(...)`` is given, as far as it is written out."""
    if call is None:
        return Mark()
    given: dict[str, object] = {}
    unknown: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg is None:
            return Mark(wrapper=None)
        if isinstance(keyword.value, ast.Constant):
            given[keyword.arg] = keyword.value.value
        else:
            unknown.add(keyword.arg)
    name = given.get("specname")
    order: Literal["first", "last", ""] = ""
    if given.get("tryfirst") is True:
        order = "first"
    elif given.get("trylast") is True:
        order = "last"
    return Mark(
        hook=name if isinstance(name, str) else "",
        wrapper=None if "wrapper" in unknown else given.get("wrapper") is True,
        order=order,
        optional=given.get("optionalhook") is True,
    )


def is_generator(node: Function) -> bool:
    """Whether a function yields itself: not what is defined in it."""
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in _own(node))


def _own(node: Function) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(node.body)
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, inner):
            waiting.extend(ast.iter_child_nodes(part))

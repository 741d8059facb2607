"""The mark ``@hookimpl`` above a function, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lockgate.contract._modules import Module, Sources
from lockgate.contract._names import dotted_of
from lockgate.errors import did_you_mean

__all__ = ["OPTIONS", "Mark", "is_generator", "mark_of", "refused_words"]

_HOOKIMPL = frozenset({"lockgate.hookimpl", "lockgate.plugin.hookimpl"})

OPTIONS = ("specname", "tryfirst", "trylast", "wrapper", "optionalhook")
"""What ``@hookimpl(...)`` takes, each by its name."""

_TAKES = f"It takes {', '.join(OPTIONS[:-1])} and {OPTIONS[-1]}, each by its name."

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mark:
    """What the decorators of a function say.

    `hook` is its ``specname``; `wrapper` is None where nobody can say. `alone` is
    whether nothing else decorates the function. `sure` is whether ``@hookimpl``
    itself was seen; else a decorator may do the marking. `refused` names what it is
    given and does not take: a keyword, or ``""`` for what has none.
    """

    hook: str = ""
    wrapper: bool | None = False
    order: Literal["first", "last", ""] = ""
    optional: bool = False
    alone: bool = True
    sure: bool = True
    refused: str | None = None


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
    return replace(mark, alone=not others)


def _read(call: ast.Call | None) -> Mark:
    """What ``hookimpl(...)`` is given, as far as it is written out."""
    if call is None:
        return Mark()
    refused = next(
        (k.arg for k in call.keywords if k.arg and k.arg not in OPTIONS), None
    )
    if call.args and not isinstance(call.args[0], ast.Starred):
        refused = ""
    given: dict[str, object] = {}
    unknown: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg is None:
            return Mark(wrapper=None, refused=refused)
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
        refused=refused,
    )


def refused_words(refused: str) -> tuple[str, str]:
    """What to say of an option that ``@hookimpl`` does not take, and the way out."""
    if not refused:
        return "@hookimpl is given something without a keyword", _TAKES
    hint = did_you_mean(refused, OPTIONS)
    return f"@hookimpl takes no {refused!r}", f"{hint} {_TAKES}".lstrip()


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

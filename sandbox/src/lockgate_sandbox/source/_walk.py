"""One walk over a tree, without recursion: to the places that rules look at.

By far most nodes are of no interest, so each costs as little as Python allows: those
that are common are seen to in the loop, the others by a table of their types. Nothing
is judged here; that is done when every name is known.
"""

from __future__ import annotations

import ast
import sys
from ast import Attribute, Call, Constant, Name
from collections.abc import Callable, Container, Iterator
from typing import Any, TypeAlias

from lockgate_sandbox.source._dotted import imported
from lockgate_sandbox.source._scope import LONG_TEXT, Places, Scope

__all__ = ["children_of", "places_of"]

_SHORT = 4
_TYPE_PARAMETERS = sys.version_info >= (3, 12)

_Handler: TypeAlias = "Callable[[Any, Scope, list[Any], Places], None]"
"""Is given a node, its scope, and the stack of nodes that are still to be seen."""


def places_of(tree: ast.Module, words: Container[str]) -> Places:
    """What stands in `tree`; of attributes, those that `words` holds."""
    places = Places(tree, words)
    for scope in places.scopes:  # more are found in them
        places.starts.append(len(places.names))
        _walk(scope, places)
    return places


def _walk(scope: Scope, places: Places) -> None:
    stack: list[Any] = scope.body[::-1]
    pop, push, extend = stack.pop, stack.append, stack.extend
    name, word = places.names.append, places.ids.append
    words, handler = places.words, _HANDLERS.get
    while stack:
        node = pop()
        cls = node.__class__
        if cls is Name:
            name(node)
            word(node.id)
        elif cls is Attribute:
            if node.attr in words:
                places.attributes.append((node, scope))
            inner = node.value
            if inner.__class__ is Name:
                name(inner)
                word(inner.id)
            else:
                push(inner)
        elif cls is Constant:
            value = node.value
            kind = value.__class__
            if (kind is str or kind is bytes) and len(value) > _SHORT:
                _text(value, node, places)
        elif cls is Call:
            function = node.func
            if function.__class__ is Name:
                name(function)
                word(function.id)
                places.calls.append((function.id, node, scope))
            else:
                push(function)
                if function.__class__ is not Attribute:
                    places.made.append((node, scope))
                elif function.attr in words:
                    places.methods.append((node, scope))
            extend(node.args)
            if node.keywords:
                extend([keyword.value for keyword in node.keywords])
        elif (handle := handler(cls)) is not None:
            handle(node, scope, stack, places)
        else:
            extend(children_of(node))


def _text(value: str | bytes, node: ast.Constant, places: Places) -> None:
    texts = places.texts if len(value) <= LONG_TEXT else places.long_texts
    texts.said.append(value if isinstance(value, str) else value.decode("latin-1"))
    texts.nodes.append(node)


def children_of(node: ast.AST) -> list[Any]:
    """The nodes in `node` that may hold a name, a text or a statement."""
    found: list[Any] = []
    for field in _FIELDS.get(node.__class__, ()):
        value = getattr(node, field)
        if value.__class__ is list:
            found += value
        elif value is not None:
            found.append(value)
    return found


# Fields that hold no nodes, or none that matter.
_PLAIN = frozenset(
    {
        "arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind",
        "kwd_attrs", "level", "module", "name", "names", "op", "ops", "rest",
        "simple", "tag", "type_comment", "type_ignores",
    }
)  # fmt: skip
_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(field for field in cls._fields if field not in _PLAIN)
    for cls in vars(ast).values()
    if isinstance(cls, type) and issubclass(cls, ast.AST)
}


def _expression(node: Any, _: Scope, stack: list[Any], __: Places) -> None:
    """A statement that is an expression, or ``return``."""
    if node.value is not None:
        stack.append(node.value)


def _if(node: Any, _: Scope, stack: list[Any], __: Places) -> None:
    stack.append(node.test)
    stack.extend(node.body)
    stack.extend(node.orelse)


def _compare(node: Any, _: Scope, stack: list[Any], __: Places) -> None:
    stack.append(node.left)
    stack.extend(node.comparators)


def _binary(node: Any, _: Scope, stack: list[Any], __: Places) -> None:
    stack.append(node.left)
    stack.append(node.right)


def _assign(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    value = node.value
    stack.append(value)
    for target in node.targets:
        if target.__class__ is Name:
            places.bound[target.id].append((value, scope, node))
        else:
            stack.append(target)
            _pair(target, value, node, scope, places)


def _pair(
    target: ast.expr, value: ast.expr, node: ast.AST, scope: Scope, places: Places
) -> None:
    if isinstance(target, ast.Attribute | ast.Subscript):
        places.changes.append((target, node, scope))
    elif isinstance(target, ast.Name):
        places.bound[target.id].append((value, scope, node))
    elif isinstance(target, _ROWS) and isinstance(value, _ROWS):
        if len(target.elts) != len(value.elts):
            return
        for one, given in zip(target.elts, value.elts, strict=True):
            if isinstance(one, ast.Name):
                places.bound[one.id].append((given, scope, node))


_ROWS = ast.Tuple | ast.List


def _one_target(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    """An annotated assignment, or ``:=``."""
    stack.append(node.target)
    if node.value is not None:
        stack.append(node.value)
        _pair(node.target, node.value, node, scope, places)
    annotation = getattr(node, "annotation", None)
    if annotation is not None:
        stack.append(annotation)


def _subscript(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    places.subscripts.append((node, scope))
    stack.append(node.value)
    stack.append(node.slice)


def _import(node: Any, scope: Scope, _: list[Any], places: Places) -> None:
    places.imports.append(node)
    # A star elsewhere than in the module itself is an error when it is compiled.
    for name, dotted in imported(node):
        if name != "*" or scope.parent is None:
            places.bound[name].append((dotted, scope, node))


def _declaration(node: Any, scope: Scope, _: list[Any], __: Places) -> None:
    word = "global" if node.__class__ is ast.Global else "nonlocal"
    if scope.outer is None:
        scope.outer = {}
    scope.outer.update(dict.fromkeys(node.names, word))


def _handler(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    if node.name:
        places.bound[node.name].append((None, scope, node))
    if node.type is not None:
        stack.append(node.type)
    stack.extend(node.body)


def _capture(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    """A name that a pattern of ``match`` binds."""
    name = node.rest if node.__class__ is ast.MatchMapping else node.name
    if name:
        places.bound[name].append((None, scope, node))
    stack += children_of(node)


def _class(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    places.bound[node.name].append((None, scope, node))
    stack.extend(node.decorator_list)
    stack.extend(node.bases)
    stack.extend(node.keywords)
    if _TYPE_PARAMETERS:
        stack.extend(node.type_params)
    places.scopes.append(Scope("class", scope, node.body))


def _function(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    places.bound[node.name].append((None, scope, node))
    stack.extend(node.decorator_list)
    if _TYPE_PARAMETERS:
        stack.extend(node.type_params)
    if node.returns is not None:
        stack.append(node.returns)
    inner = Scope("function", scope, node.body)
    places.scopes.append(inner)
    _parameters(node, inner, stack, places)


def _lambda(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    inner = Scope("function", scope, [node.body])
    places.scopes.append(inner)
    _parameters(node, inner, stack, places)


def _parameters(node: Any, inner: Scope, stack: list[Any], places: Places) -> None:
    bound, given = places.bound, node.args
    for arg in _parameters_of(given):
        bound[arg.arg].append((None, inner, node))
        if arg.annotation is not None:
            stack.append(arg.annotation)
    if given.defaults or given.kwonlyargs:
        for name, default in _defaults_of(given):
            # What it stands for if nobody gives another.
            bound[name].append((default, inner, default))
            stack.append(default)


def _parameters_of(given: ast.arguments) -> list[ast.arg]:
    """Every parameter, in whatever way it is given."""
    found = given.args
    if given.posonlyargs or given.kwonlyargs:
        found = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    if given.vararg is not None:
        found = [*found, given.vararg]
    if given.kwarg is not None:
        found = [*found, given.kwarg]
    return found


def _defaults_of(given: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """The parameters for which something stands if nobody gives another."""
    plain = [*given.posonlyargs, *given.args]
    for arg, default in zip(reversed(plain), reversed(given.defaults), strict=False):
        yield arg.arg, default
    for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if value is not None:
            yield arg.arg, value


def _comprehension(node: Any, scope: Scope, stack: list[Any], places: Places) -> None:
    # The first iterable is evaluated outside: it must not see the inner names.
    first, *others = node.generators
    stack.append(first.iter)
    body: list[Any] = [first.target, *first.ifs, *others]
    if node.__class__ is ast.DictComp:
        body += [node.key, node.value]
    else:
        body.append(node.elt)
    places.scopes.append(Scope("function", scope, body))


_HANDLERS: dict[type, _Handler] = {
    ast.AnnAssign: _one_target,
    ast.Assign: _assign,
    ast.AsyncFunctionDef: _function,
    ast.BinOp: _binary,
    ast.ClassDef: _class,
    ast.Compare: _compare,
    ast.DictComp: _comprehension,
    ast.ExceptHandler: _handler,
    ast.Expr: _expression,
    ast.FunctionDef: _function,
    ast.GeneratorExp: _comprehension,
    ast.Global: _declaration,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.MatchAs: _capture,
    ast.MatchMapping: _capture,
    ast.MatchStar: _capture,
    ast.NamedExpr: _one_target,
    ast.Nonlocal: _declaration,
    ast.Return: _expression,
    ast.SetComp: _comprehension,
    ast.Subscript: _subscript,
}

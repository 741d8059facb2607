"""One walk over a tree: its scopes, and in each the nodes that rules look at.

The walk is a stack and a table by node type, without recursion and without a call
for each node; what a rule needs is sorted into lists and judged afterwards, when
every name is known.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

__all__ = ["Bound", "Scope", "Text", "scopes_of"]

Kind = Literal["module", "class", "function"]
Bound: TypeAlias = "tuple[ast.expr | str | None, Scope, ast.AST]"
"""What a name stands for (an expression, a dotted name, or unknown), the scope in
which that is to be read, and the node that binds it."""

Text: TypeAlias = "tuple[str | bytes, ast.Constant]"
"""A literal that is long enough to say something, and its node."""

_SHORT = 4


class Scope:
    """A module, class or function with what stands directly in it.

    A comprehension counts as a function, as in the language. `outer` holds the
    names declared ``global`` or ``nonlocal``. `names` are read, `stores` are bound or
    deleted.
    """

    __slots__ = (
        "assigns",
        "attributes",
        "body",
        "bound",
        "calls",
        "defaults",
        "imports",
        "kind",
        "names",
        "outer",
        "parent",
        "stars",
        "stores",
        "subscripts",
        "top",
    )

    def __init__(self, kind: Kind, parent: Scope | None, body: list[Any]) -> None:
        self.kind = kind
        self.parent = parent
        self.body = body
        self.names: list[ast.Name] = []
        self.stores: list[ast.Name] = []
        self.attributes: list[ast.Attribute] = []
        self.calls: list[ast.Call] = []
        self.subscripts: list[ast.Subscript] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.defaults: list[tuple[str, ast.expr]] = []
        self.assigns: list[tuple[ast.expr, ast.expr, ast.AST]] = []
        self.bound: dict[str, list[Bound]] = {}
        self.stars: list[str] = []
        self.outer: dict[str, str] = {}
        self.top: set[int] = set()

    def bind(
        self,
        name: str,
        value: ast.expr | str | None,
        node: ast.AST,
        read_in: Scope | None = None,
    ) -> None:
        """Say that `node` makes `name` stand for `value` in this scope."""
        where = self
        if name in self.outer:
            where = self._declared(self.outer[name])
        where.bound.setdefault(name, []).append((value, read_in or self, node))

    def _declared(self, word: str) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
            if word == "nonlocal" and scope.kind == "function":
                break
        return scope

    def is_firm(self, node: ast.AST) -> bool:
        """Whether `node` is a statement of the body itself, under no condition."""
        if not self.top:
            self.top = set(map(id, self.body))
        return id(node) in self.top


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


def scopes_of(tree: ast.Module) -> tuple[list[Scope], list[Text]]:
    """Every scope of `tree`, the module's first, and the texts and bytes in it."""
    module = Scope("module", None, tree.body)
    pending, found = [module], list[Scope]()
    texts: list[Text] = []
    while pending:
        scope = pending.pop()
        found.append(scope)
        _walk(scope, pending, texts)
    return found, texts


def _walk(scope: Scope, pending: list[Scope], texts: list[Text]) -> None:
    stack: list[Any] = list(scope.body)
    pop, push, extend = stack.pop, stack.append, stack.extend
    name, store = scope.names.append, scope.stores.append
    attribute, call = scope.attributes.append, scope.calls.append
    while stack:
        node = pop()
        cls = node.__class__
        if cls is ast.Name:
            if node.ctx.__class__ is ast.Load:
                name(node)
            else:
                store(node)
        elif cls is ast.Constant:
            value = node.value
            kind = value.__class__
            if (kind is str or kind is bytes) and len(value) > _SHORT:
                texts.append((value, node))
        elif cls is ast.Attribute:
            attribute(node)
            inner = node.value
            if inner.__class__ is ast.Name:
                name(inner)
            else:
                push(inner)
        elif cls is ast.Call:
            call(node)
            push(node.func)
            extend(node.args)
            for keyword in node.keywords:
                push(keyword.value)
        elif (special := _SPECIAL.get(cls)) is not None:
            special(node, scope, stack, pending)
        else:
            for field in _FIELDS.get(cls, ()):
                value = getattr(node, field)
                if value.__class__ is list:
                    extend(value)
                elif value is not None:
                    push(value)


def _assign(node: Any, scope: Scope, stack: list[Any], _: list[Scope]) -> None:
    value = node.value
    stack.append(value)
    for target in node.targets:
        if target.__class__ is ast.Name:
            scope.assigns.append((target, value, node))
        else:
            stack.append(target)
            _pair(target, value, node, scope)


def _pair(target: ast.expr, value: ast.expr, node: ast.AST, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.assigns.append((target, value, node))
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(
        value, ast.Tuple | ast.List
    ):
        if len(target.elts) == len(value.elts):
            for one, given in zip(target.elts, value.elts, strict=True):
                if isinstance(one, ast.Name):
                    scope.assigns.append((one, given, node))
    elif isinstance(target, ast.Attribute | ast.Subscript):
        scope.assigns.append((target, value, node))


def _one_target(node: Any, scope: Scope, stack: list[Any], _: list[Scope]) -> None:
    """An annotated assignment, or ``:=``."""
    stack.append(node.target)
    if node.value is not None:
        stack.append(node.value)
        _pair(node.target, node.value, node, scope)
    annotation = getattr(node, "annotation", None)
    if annotation is not None:
        stack.append(annotation)


def _subscript(node: Any, scope: Scope, stack: list[Any], _: list[Scope]) -> None:
    scope.subscripts.append(node)
    stack.append(node.value)
    stack.append(node.slice)


def _import(node: Any, scope: Scope, *_: object) -> None:
    scope.imports.append(node)


def _declaration(node: Any, scope: Scope, *_: object) -> None:
    word = "global" if node.__class__ is ast.Global else "nonlocal"
    scope.outer.update(dict.fromkeys(node.names, word))


def _handler(node: Any, scope: Scope, stack: list[Any], _: list[Scope]) -> None:
    if node.name:
        scope.bind(node.name, None, node)
    if node.type is not None:
        stack.append(node.type)
    stack.extend(node.body)


def _capture(node: Any, scope: Scope, stack: list[Any], _: list[Scope]) -> None:
    """A name that a pattern of ``match`` binds."""
    name = node.rest if node.__class__ is ast.MatchMapping else node.name
    if name:
        scope.bind(name, None, node)
    for field in _FIELDS[node.__class__]:
        value = getattr(node, field)
        if value.__class__ is list:
            stack.extend(value)
        elif value is not None:
            stack.append(value)


def _class(node: Any, scope: Scope, stack: list[Any], pending: list[Scope]) -> None:
    scope.bind(node.name, None, node)
    stack.extend(node.decorator_list)
    stack.extend(node.bases)
    stack.extend(node.keywords)
    stack.extend(getattr(node, "type_params", ()))
    pending.append(Scope("class", scope, node.body))


def _function(node: Any, scope: Scope, stack: list[Any], pending: list[Scope]) -> None:
    inner = Scope("function", scope, node.body)
    if node.__class__ is ast.Lambda:
        inner.body = [node.body]
    else:
        scope.bind(node.name, None, node)
        stack.extend(node.decorator_list)
        stack.extend(getattr(node, "type_params", ()))
        if node.returns is not None:
            stack.append(node.returns)
    _parameters(node, inner, stack)
    pending.append(inner)


def _parameters(node: Any, inner: Scope, stack: list[Any]) -> None:
    given = node.args
    bound = inner.bound
    plain = [*given.posonlyargs, *given.args] if given.posonlyargs else given.args
    for arg in (*plain, *given.kwonlyargs, given.vararg, given.kwarg):
        if arg is not None:
            bound[arg.arg] = [(None, inner, node)]
            if arg.annotation is not None:
                stack.append(arg.annotation)
    defaults = [*zip(reversed(plain), reversed(given.defaults), strict=False)]
    defaults += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    for arg, default in defaults:
        if default is not None:
            # What the argument stands for if nobody gives another.
            inner.defaults.append((arg.arg, default))
            stack.append(default)


def _comprehension(
    node: Any, scope: Scope, stack: list[Any], pending: list[Scope]
) -> None:
    # The first iterable is evaluated outside: it must not see the inner names.
    first, *others = node.generators
    stack.append(first.iter)
    body: list[Any] = [first.target, *first.ifs, *others]
    if node.__class__ is ast.DictComp:
        body += [node.key, node.value]
    else:
        body.append(node.elt)
    pending.append(Scope("function", scope, body))


_SPECIAL: dict[type, Callable[[Any, Scope, list[Any], list[Scope]], None]] = {
    ast.AnnAssign: _one_target,
    ast.Assign: _assign,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.DictComp: _comprehension,
    ast.ExceptHandler: _handler,
    ast.FunctionDef: _function,
    ast.GeneratorExp: _comprehension,
    ast.Global: _declaration,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Lambda: _function,
    ast.ListComp: _comprehension,
    ast.MatchAs: _capture,
    ast.MatchMapping: _capture,
    ast.MatchStar: _capture,
    ast.NamedExpr: _one_target,
    ast.Nonlocal: _declaration,
    ast.SetComp: _comprehension,
    ast.Subscript: _subscript,
}

"""Conditions and templates over plain data: a closed language that always ends.

``any(steps.lint.value.findings, item.severity == 'error')``
    an expression: literals, names, ``.key`` and ``[index]`` paths, ``==`` ``!=``
    ``<`` ``<=`` ``>`` ``>=`` ``in`` ``not in``, ``and`` ``or`` ``not``, lists,
    ``len``, ``any`` and ``all``. No arithmetic, no assignment, no other call.
``built ${steps.build.value.name} for ${inputs.board}``
    a template: text with expressions in it. One that is nothing but a single
    ``${...}`` keeps the value's type. ``$${`` stands for ``${``.

Keys are looked up in dicts and indexes in lists and tuples, by those types'
own operations; an attribute of an object is never read and no method of one is
ever called, so any other object passes through untouched or is an error. Every
reading and every evaluation is bounded: length, nesting, and steps.

The whole grammar is in ``docs/reference/expressions.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lockgate._expression.evaluate import (
    STEP_LIMIT,
    Evaluation,
    Value,
    is_a,
    items_of,
    kind_of,
    pairs_of,
)
from lockgate._expression.grammar import parse
from lockgate._expression.nodes import (
    Call,
    ExpressionError,
    Literal,
    Lookup,
    Name,
    Node,
    children,
)

__all__ = [
    "STEP_LIMIT",
    "Expression",
    "ExpressionError",
    "Reference",
    "Template",
    "render",
]

TEMPLATE_LIMIT_CHARS = 65_536
TEMPLATE_LIMIT_EXPRESSIONS = 64
RENDERED_LIMIT_CHARS = 1_048_576
"""Longest text that a template makes."""
RENDER_DEPTH_LIMIT = 64
RENDER_LIMIT_VALUES = 100_000
INSERTED_LIMIT_VALUES = 1_000_000
INSERTED_LIMIT_BYTES = 256 * 1024 * 1024
"""What ``${…}`` puts into one rendered value, each use counted: what is shared in
memory is spelled out when it is sent, and thirty steps double it a billion times."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads, as far as it is known without evaluating.

    ``steps.lint.value[0].path`` is ``("steps", "lint", "value", 0, "path")``; it
    ends before the first index that is itself computed.
    """

    path: tuple[str | int, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read and is known to be well formed."""

    source: str
    _node: Node

    @classmethod
    def parse(cls, source: str) -> Expression:
        """Read `source`.

        Raises:
            ExpressionError: If it is no expression, or longer or deeper than
                allowed.
        """
        return cls(source, parse(source)[0])

    @property
    def references(self) -> tuple[Reference, ...]:
        """The paths it reads, in order; ``item`` of ``any`` and ``all`` left out."""
        return tuple(_references(self._node))

    def evaluate(self, names: Mapping[str, Value]) -> Value:
        """Its value where `names` are known.

        Raises:
            ExpressionError: If a name, key or index is missing, types do not go
                together, or it takes over `STEP_LIMIT` steps.
        """
        return Evaluation(self.source, names).value(self._node)

    def holds(self, names: Mapping[str, Value]) -> bool:
        """Whether its value is true: not false, null, zero or empty.

        Raises:
            ExpressionError: As `evaluate`.
        """
        evaluation = Evaluation(self.source, names)
        return evaluation.truth(evaluation.value(self._node), 1)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``${...}`` in it, read once."""

    source: str
    parts: tuple[str | Expression, ...]

    @classmethod
    def parse(cls, source: str) -> Template:
        """Read `source`.

        Raises:
            ExpressionError: If an expression in it is wrong, or it is over
                `TEMPLATE_LIMIT_CHARS` or `TEMPLATE_LIMIT_EXPRESSIONS`.
        """
        if len(source) > TEMPLATE_LIMIT_CHARS:
            message = f"a template has at most {TEMPLATE_LIMIT_CHARS} characters"
            raise ExpressionError("expression-limit", message)
        return cls(source, tuple(_template_parts(source)))

    @property
    def references(self) -> tuple[Reference, ...]:
        """The paths that its expressions read."""
        found: list[Reference] = []
        for part in self.parts:
            if isinstance(part, Expression):
                found.extend(part.references)
        return tuple(found)

    def render(self, names: Mapping[str, Value]) -> Value:
        """The text with every expression replaced by its value.

        A template of one expression alone gives the value as it is. Inside text
        a value must be a text, number, boolean or null.

        Raises:
            ExpressionError: As `Expression.evaluate`; also if a value has no
                text form or the text grows over `RENDERED_LIMIT_CHARS`.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].evaluate(names)
        pieces: list[str] = []
        room = RENDERED_LIMIT_CHARS
        for part in self.parts:
            piece = part if isinstance(part, str) else _as_text(part, names)
            room -= len(piece)
            if room < 0:
                message = f"the text grows over {RENDERED_LIMIT_CHARS} characters"
                raise ExpressionError("expression-limit", message, source=self.source)
            pieces.append(piece)
        return "".join(pieces)


def render(value: Value, names: Mapping[str, Value]) -> Value:
    """`value` with every text in its lists and objects rendered as a template.

    Raises:
        ExpressionError: As `Template.parse` and `Template.render`; also if the
            value is nested over `RENDER_DEPTH_LIMIT`, holds over
            `RENDER_LIMIT_VALUES` values, or what is put into it is over
            `INSERTED_LIMIT_VALUES` or `INSERTED_LIMIT_BYTES`.
    """
    return _Rendering(names).value(value, RENDER_DEPTH_LIMIT)


class _Rendering:
    def __init__(self, names: Mapping[str, Value]) -> None:
        self._names = names
        self._left = RENDER_LIMIT_VALUES
        self._values = INSERTED_LIMIT_VALUES
        self._bytes = INSERTED_LIMIT_BYTES

    def value(self, value: Value, depth: int) -> Value:
        self._left -= 1
        if depth < 0 or self._left < 0:
            message = (
                f"a value to render is nested at most {RENDER_DEPTH_LIMIT} deep and "
                f"holds at most {RENDER_LIMIT_VALUES} values"
            )
            raise ExpressionError("expression-limit", message)
        if is_a(value, str):
            if "${" not in value:
                return value
            return self._weighed(Template.parse(value).render(self._names))
        if is_a(value, dict):
            return {
                key: self.value(item, depth - 1)
                for key, item in pairs_of(value).items()
            }
        if is_a(value, list, tuple):
            return [self.value(item, depth - 1) for item in items_of(value)]
        return value

    def _weighed(self, inserted: Value) -> Value:
        """`inserted`, if there is room for it as it would be written out."""
        waiting: list[Value] = [inserted]
        while waiting:
            value = waiting.pop()
            self._values -= 1
            if is_a(value, str, bytes):
                self._bytes -= len(value)
            elif is_a(value, dict):
                waiting.extend(pairs_of(value).values())
            elif is_a(value, list, tuple):
                waiting.extend(items_of(value))
            if self._bytes < 0 or self._values < len(waiting):
                message = (
                    f"'${{...}}' puts in at most {INSERTED_LIMIT_VALUES} values and "
                    f"{INSERTED_LIMIT_BYTES} bytes, each use counted"
                )
                raise ExpressionError("expression-limit", message)
        return inserted


def _template_parts(source: str) -> Iterator[str | Expression]:
    at, text, expressions = 0, "", 0
    while (found := source.find("${", at)) >= 0:
        if found > at and source[found - 1] == "$":
            text += source[at : found - 1] + "${"
            at = found + 2
            continue
        expressions += 1
        if expressions > TEMPLATE_LIMIT_EXPRESSIONS:
            message = f"a template has at most {TEMPLATE_LIMIT_EXPRESSIONS} expressions"
            raise ExpressionError("expression-limit", message, column=found + 1)
        text += source[at:found]
        if text:
            yield text
        node, end = parse(source, found + 2, braced=True)
        yield Expression(source[found + 2 : end - 1], node)
        at, text = end, ""
    text += source[at:]
    if text or not expressions:
        yield text


def _as_text(expression: Expression, names: Mapping[str, Value]) -> str:
    value = expression.evaluate(names)
    if value is None:
        return "null"
    if is_a(value, bool):
        return "true" if value else "false"
    if is_a(value, str):
        return str(value)
    if is_a(value, int, float):
        return repr(value)
    message = f"{kind_of(value)} has no text form"
    hint = "${...} alone, with no text around it, keeps the value as it is"
    raise ExpressionError(
        "expression-type", message, hint=hint, source=expression.source
    )


def _references(node: Node, bound: bool = False) -> Iterator[Reference]:
    """The longest known paths below `node`; `bound`: ``item`` is one of ours."""
    match node:
        case Name() | Lookup():
            path, computed = _path(node)
            if path and not (bound and path[0] == "item"):
                yield Reference(path, _column(node))
            for key in computed:
                yield from _references(key, bound)
        case Call(function="any" | "all"):
            yield from _references(node.arguments[0], bound)
            yield from _references(node.arguments[1], True)
        case _:
            for child in children(node):
                yield from _references(child, bound)


def _path(node: Node) -> tuple[tuple[str | int, ...], list[Node]]:
    """The path of a chain of look-ups, and the nodes that are not part of it."""
    keys: list[Node] = []
    while isinstance(node, Lookup):
        keys.append(node.key)
        node = node.target
    rest: list[Node] = []
    path: list[str | int] = []
    if isinstance(node, Name):
        path.append(node.name)
    else:
        rest.append(node)
    known = bool(path)
    for key in reversed(keys):
        if known and isinstance(key, Literal) and isinstance(key.value, str | int):
            path.append(key.value)
        else:
            known = False
            if not isinstance(key, Literal):
                rest.append(key)
    return tuple(path), rest


def _column(node: Node) -> int:
    while isinstance(node, Lookup):
        node = node.target
    return node.column

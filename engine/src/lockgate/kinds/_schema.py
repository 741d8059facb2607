"""JSON Schema, a closed part of it, to the codec that holds data to it.

What a schema may say: ``type`` (one of the seven, or with ``null``), ``properties``,
``required``, ``additionalProperties``, ``items``, ``enum`` of strings,
``contentEncoding: base64`` for bytes (on the wire they are bytes), ``$ref`` to
``#/$defs/NAME`` (with ``anyOf``, of it and ``null``), ``format: lockgate:NAME`` for a
class of `lockgate.values`, and the notes ``title``, ``description``, ``default``.
Anything else is refused: a keyword that is not enforced would be a promise that is
not kept.

Standard library only: the worker reads the same schemas.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, cast

from lockgate import values
from lockgate._codec.annotations import AnyData, AnyDocument
from lockgate._codec.convert import Codec, Exact, codec, literal, optional, sequence
from lockgate._codec.misfit import Misfit
from lockgate.kinds._defaults import TOO_LARGE, is_small
from lockgate.values import Data

__all__ = ["SchemaError", "Schemas"]

DEPTH_LIMIT = 24
"""Deepest nesting of one schema."""

SIZE_LIMIT = 2000
"""Most schemas, inner ones counted, of one kind."""

_NOTES = frozenset({"title", "description", "default"})
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "format"}),
    "array": frozenset({"items"}),
    "string": frozenset({"enum", "contentEncoding", "format"}),
    "integer": frozenset(),
    "number": frozenset(),
    "boolean": frozenset(),
    "null": frozenset(),
}
_PLAIN: Mapping[str, object] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": type(None),
}
_FORMAT = "lockgate:"
_NAME_LIMIT_CHARS = 64
_TAKEN = frozenset({*values.__all__, "Context", "Iterator", "Literal", "Mapping"})
_DEFS = "#/$defs/"


class SchemaError(ValueError):
    """A schema that is not of the closed set; `where` is the dotted place in it."""

    def __init__(self, message: str, where: Sequence[str], hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = tuple(where)
        self.hint = hint


class Schemas:
    """The schemas of one kind: `codec` compiles one of them.

    A ``$ref`` is compiled once, however often it is used, so that the work is that of
    the text and not of what it unfolds to. One that leads back to itself is refused.
    """

    def __init__(self, defs: Mapping[str, Any]) -> None:
        self._defs = defs
        self._made: dict[str, Exact] = {}
        self._open: list[str] = []
        self._count = 0

    def codec(self, schema: object, where: Sequence[str] = ()) -> Codec:
        """The codec of `schema`, which stands at `where`.

        Decoded objects are read-only mappings, lists are tuples; an object may be
        given as a mapping, or as a dataclass with its properties as fields.

        Raises:
            SchemaError: If it is not of the closed set.
        """
        exact = self._exact(schema, tuple(where), 0)
        return Codec(exact.encode, exact.decode, exact, records=True, foreign=True)

    def check(self, where: Sequence[str] = ("$defs",)) -> None:
        """Compile every definition, used or not.

        Raises:
            SchemaError: If one is not of the closed set.
        """
        for name in self._defs:
            _check_name(name, (*where, name))
            self._definition(name, (*where, name))

    def _exact(self, schema: object, where: tuple[str, ...], depth: int) -> Exact:
        self._count += 1
        if self._count > SIZE_LIMIT:
            raise SchemaError(f"more than {SIZE_LIMIT} schemas in one kind", where)
        if depth > DEPTH_LIMIT:
            message = f"nested more than {DEPTH_LIMIT} levels deep"
            raise SchemaError(message, where, "Name inner types in $defs.")
        if not isinstance(schema, Mapping):
            raise SchemaError("a schema is a table", where)
        table = cast("Mapping[str, Any]", schema)
        if "$ref" in table:
            _only(table, {"$ref"}, where)
            return self._reference(table["$ref"], where)
        if "anyOf" in table:
            return self._or_null(table, where, depth)
        kind, empty = _type_of(table, where)
        if not kind:
            return codec(AnyData).exact
        _only(table, {"type", *_KEYWORDS[kind]}, where)
        made = self._typed(kind, table, where, depth)
        return optional(made) if empty else made

    def _or_null(
        self, table: Mapping[str, Any], where: tuple[str, ...], depth: int
    ) -> Exact:
        """``anyOf`` of a schema and null, which is what `$ref` needs it for."""
        _only(table, {"anyOf"}, where)
        given: object = table["anyOf"]
        sides = cast("list[object]", given) if isinstance(given, list) else []
        if len(sides) != 2 or sides[1] != {"type": "null"}:
            message = "`anyOf` is a schema and {type = 'null'}, in this order"
            raise SchemaError(message, where)
        return optional(self._exact(sides[0], (*where, "anyOf", "0"), depth + 1))

    def _reference(self, target: object, where: tuple[str, ...]) -> Exact:
        name = target.removeprefix(_DEFS) if isinstance(target, str) else ""
        if name not in self._defs or target != _DEFS + name:
            hint = f"Known: {', '.join(self._defs) or 'none'}, each as '{_DEFS}NAME'."
            raise SchemaError(f"$ref points nowhere: {str(target)[:80]!r}", where, hint)
        return self._definition(name, where)

    def _definition(self, name: str, where: tuple[str, ...]) -> Exact:
        made = self._made.get(name)
        if made is None:
            if name in self._open or len(self._open) > DEPTH_LIMIT:
                way = " -> ".join((*self._open[-3:], name))
                hint = "Carry such data as a plain object: {type = 'object'}."
                raise SchemaError(f"a type that holds itself: {way}", where, hint)
            self._open.append(name)
            made = self._exact(self._defs[name], ("$defs", name), 0)
            self._open.pop()
            self._made[name] = made
        return made

    def _typed(
        self, kind: str, table: Mapping[str, Any], where: tuple[str, ...], depth: int
    ) -> Exact:
        if "format" in table:
            return _lockgate_value(kind, table, where)
        if kind == "array":
            if "items" not in table:
                raise SchemaError("an array needs `items`", where)
            return sequence(self._exact(table["items"], (*where, "items"), depth + 1))
        if kind == "object":
            return self._object(table, where, depth)
        if "contentEncoding" in table:
            if table["contentEncoding"] != "base64" or "enum" in table:
                raise SchemaError(
                    "bytes are contentEncoding = 'base64' and no more", where
                )
            return codec(bytes).exact
        if "enum" in table:
            return _enum(table["enum"], where)
        return codec(cast(Any, _PLAIN[kind])).exact

    def _object(
        self, table: Mapping[str, Any], where: tuple[str, ...], depth: int
    ) -> Exact:
        more = table.get("additionalProperties", True)
        if "properties" not in table:
            if more is True and "required" not in table:
                return codec(AnyDocument).exact
            inner = self._exact(more, (*where, "additionalProperties"), depth + 1)
            return _mapping(inner)
        if more is not False:
            raise SchemaError(
                "an object with properties has no others",
                where,
                "Write additionalProperties = false.",
            )
        given: object = table["properties"]
        if not isinstance(given, Mapping):
            raise SchemaError("`properties` is a table", where)
        inside = cast("Mapping[str, Any]", given)
        parts = {
            name: self._exact(part, (*where, "properties", name), depth + 1)
            for name, part in inside.items()
        }
        required = _names(table.get("required", []), parts, where)
        defaults = {
            name: _default(inside[name], parts[name], (*where, "properties", name))
            for name in parts
            if "default" in inside[name]
        }
        return _record(parts, required, defaults)


def _check_name(name: str, where: tuple[str, ...]) -> None:
    """A definition's name is read as a type: it must be one that is nobody else's."""
    plain = name.isidentifier() and name.isascii() and not iskeyword(name)
    if (
        not (plain and name[:1].isupper())
        or len(name) > _NAME_LIMIT_CHARS
        or name in _TAKEN
    ):
        message = f"no name for a definition: {name[:40]!r}"
        hint = "Letters and digits, a capital first; not a value of lockgate's own."
        raise SchemaError(message, where, hint)


def _type_of(table: Mapping[str, Any], where: tuple[str, ...]) -> tuple[str, bool]:
    """The one type (empty: any), and whether null does too."""
    if "type" not in table:
        _only(table, set(), where)
        return "", False
    said: Any = table["type"]
    names = cast("list[object]", said) if isinstance(said, list) else [said]
    kinds = [name for name in names if name != "null"] or ["null"]
    known = isinstance(kinds[0], str) and kinds[0] in _KEYWORDS
    if len(names) > 2 or len(kinds) != 1 or not known:
        hint = f"One of {', '.join(_KEYWORDS)}; or two of which one is 'null'."
        raise SchemaError(f"no type: {str(names)[:80]}", where, hint)
    return str(kinds[0]), "null" in names and kinds != ["null"]


def _only(
    table: Mapping[str, Any], known: set[str] | frozenset[str], where: tuple[str, ...]
) -> None:
    for key in table:
        if key not in known and key not in _NOTES:
            allowed = ", ".join(sorted({*known, *_NOTES}))
            message = f"the keyword {str(key)[:40]!r} is not supported here"
            raise SchemaError(message, where, f"Supported: {allowed}.")


def _names(
    given: object, parts: Mapping[str, Exact], where: tuple[str, ...]
) -> tuple[str, ...]:
    names = cast("list[object]", given) if isinstance(given, list) else [None]
    if not all(isinstance(name, str) and name in parts for name in names):
        raise SchemaError("`required` names no property", where)
    return tuple(cast("list[str]", names))


def _default(schema: Mapping[str, Any], part: Exact, where: tuple[str, ...]) -> object:
    try:
        found = part.decode(schema["default"])
    except Misfit as misfit:
        raise SchemaError(f"`default` does not fit: {misfit}", where) from None
    if not is_small(found):
        hint = "Leave it out: let the plugins fill it in."
        raise SchemaError(f"`default` is {TOO_LARGE}", where, hint)
    return found


def _enum(given: object, where: tuple[str, ...]) -> Exact:
    words = cast("list[object]", given) if isinstance(given, list) else []
    if not words or not all(isinstance(word, str) for word in words):
        raise SchemaError("`enum` is a list of strings", where)
    return literal(tuple(words))


def _lockgate_value(
    kind: str, table: Mapping[str, Any], where: tuple[str, ...]
) -> Exact:
    """One of lockgate's own value types, as built-in hooks carry them."""
    name = str(table["format"]).removeprefix(_FORMAT)
    cls: Any = getattr(values, name, None) if name in values.__all__ else None
    known = isinstance(cls, type) and dataclasses.is_dataclass(cls)
    if table["format"] != _FORMAT + name or kind != "object" or not known:
        message = f"no format of lockgate: {str(table['format'])[:80]!r}"
        raise SchemaError(message, where, "For example 'lockgate:Tree', of an object.")
    _only(table, {"type", "format"}, where)
    made = codec(cast(Any, cls))
    return Exact(made.exact.shape, made.encode, made.checked)


# -- objects ------------------------------------------------------------------------


def _items(value: object, shape: str) -> Mapping[object, object]:
    """The entries of a mapping, or of a dataclass by its fields."""
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    raise Misfit(shape, value)


def _converted(
    step: Callable[[object], Any], key: object, item: object
) -> tuple[str, Any]:
    if not isinstance(key, str):
        raise Misfit("string keys", key)
    try:
        return str.__str__(key), step(item)
    except Misfit as error:
        raise error.below(key[:80]) from None


def _mapping(inner: Exact) -> Exact:
    shape = f"an object of {inner.shape}"

    def encode(value: object) -> Data:
        given = _items(value, shape).items()
        return dict(_converted(inner.encode, key, item) for key, item in given)

    def decode(value: object) -> Any:
        given = _items(value, shape).items()
        return MappingProxyType(
            dict(_converted(inner.decode, key, item) for key, item in given)
        )

    return Exact(shape, encode, decode)


def _record(
    parts: Mapping[str, Exact], required: Sequence[str], defaults: Mapping[str, object]
) -> Exact:
    names = ", ".join(parts)
    shape = f"an object with {names}" if parts else "an empty object"

    def entries(value: object) -> Mapping[object, object]:
        given = _items(value, shape)
        for name in given:
            if name not in parts:
                raise Misfit(f"only the fields {names}", name)
        for name in required:
            if name not in given:
                raise Misfit(f"the field {name!r}", found="none")
        return given

    def encode(value: object) -> Data:
        given = entries(value)
        return dict(
            _converted(part.encode, name, given[name])
            for name, part in parts.items()
            if name in given
        )

    def decode(value: object) -> Any:
        given = entries(value)
        found = {
            name: _converted(part.decode, name, given[name])[1]
            if name in given
            else defaults[name]
            for name, part in parts.items()
            if name in given or name in defaults
        }
        return MappingProxyType(found)

    return Exact(shape, encode, decode)

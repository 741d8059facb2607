"""A value of each schema of an added kind: as data, and as the source of a plugin.

Samples are the least that fits: of an object its required fields, of a list one item.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, cast

from lockgate import values
from lockgate.values import Data, File, Tree

__all__ = ["Made", "Samples", "literal", "written"]

Schema = Mapping[str, Any]

_DEFS = "#/$defs/"
_FORMAT = "lockgate:"
_PLAIN: Mapping[str, object] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}
_WIDTH = 88


@dataclass(frozen=True, slots=True)
class Made:
    """Source of a call or a display: what opens it, what stands inside, what closes."""

    opens: str
    items: tuple[Source, ...]
    closes: str
    lone_comma: bool = False
    """Whether one item alone needs a comma behind it: a tuple."""


Source: typing.TypeAlias = "str | Made | tuple[str, Source]"
"""A word; or a call; or an item with what stands before it (``name=``)."""


def _is_field(name: str) -> bool:
    """Whether a class can have a field of that name, and be a class as before."""
    return name.isidentifier() and not iskeyword(name) and not name.startswith("__")


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of the schemas of one kind, whose definitions are `defs`."""

    defs: Mapping[str, Schema]

    def record(self, schema: Schema) -> str:
        """The name of the definition that `schema` points to, if it is an object."""
        name = str(schema.get("$ref", "")).removeprefix(_DEFS)
        fields = self.defs[name].get("properties") if name else None
        return name if fields is not None and all(map(_is_field, fields)) else ""

    def used(self, schema: Schema) -> list[str]:
        """The definitions that `schema` needs, inner ones first."""
        found: list[str] = []
        name = str(schema.get("$ref", "")).removeprefix(_DEFS)
        inner = [schema.get("items"), schema.get("additionalProperties")]
        inner += cast("list[object]", schema.get("anyOf", []))
        inner += cast("Mapping[str, object]", schema.get("properties", {})).values()
        inner += [self.defs[name]] if name else []
        for one in inner:
            if isinstance(one, Mapping):
                found += self.used(cast("Schema", one))
        return list(dict.fromkeys([*found, *([name] if name else [])]))

    def data(
        self, schema: Schema, *, whole: bool = False, plain: bool = False
    ) -> Data | object:
        """The sample as data; with `whole` the fields that may be left out too.

        `plain` says that it stands in an object without a class: nothing in there is
        of a class that would fill its fields.
        """
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(_DEFS)
            inner, own = self.defs[name], bool(self.record(schema)) and not plain
            if "properties" in inner:
                return self._object(inner, whole=whole, own=own)
            return self.data(inner, whole=whole, plain=plain)
        if "anyOf" in schema:
            return self.data(schema["anyOf"][0], whole=whole, plain=plain)
        if "format" in schema:
            return _value(str(schema["format"]).removeprefix(_FORMAT))
        kind = _kind(schema)
        if kind == "array":
            return (self.data(schema["items"], whole=whole, plain=plain),)
        if kind == "object" and "properties" in schema:
            return self._object(schema, whole=whole, own=False)
        if kind == "object":
            more = schema.get("additionalProperties")
            of = cast("Schema", more) if isinstance(more, Mapping) else None
            if of is None:
                return {}
            return {"key": self.data(of, whole=whole, plain=plain)}
        if "contentEncoding" in schema:
            return b"bytes"
        return schema["enum"][0] if "enum" in schema else _PLAIN.get(kind, "text")

    def _object(self, schema: Schema, *, whole: bool, own: bool) -> dict[str, object]:
        """An object's sample: of one with an `own` class all fields that that has."""
        required = schema.get("required", ())
        return {
            name: self.data(part, whole=whole, plain=not own)
            if name in required
            else self.left_out(part)
            for name, part in schema["properties"].items()
            if name in required or (whole and (own or "default" in part))
        }

    def left_out(self, schema: Schema) -> object:
        """What a field that may be left out is then."""
        if "default" in schema:
            return schema["default"]
        said = schema.get("type")
        if "anyOf" in schema or (isinstance(said, list) and "null" in said):
            return None
        return self.data(schema, whole=True)

    def instance(self, schema: Schema) -> Source:
        """The sample as source, where objects are instances of their own classes."""
        name = self.record(schema)
        if name:
            inside, required = self.defs[name], self.defs[name].get("required", ())
            fields = tuple(
                (f"{field}=", self.instance(part))
                for field, part in inside["properties"].items()
                if field in required
            )
            return Made(f"{name}(", fields, ")")
        if "$ref" in schema:
            return self.instance(self.defs[str(schema["$ref"]).removeprefix(_DEFS)])
        if "anyOf" in schema:
            return self.instance(schema["anyOf"][0])
        kind = _kind(schema)
        if kind == "array":
            return Made("(", (self.instance(schema["items"]),), ")", lone_comma=True)
        more = schema.get("additionalProperties")
        if (
            kind == "object"
            and "properties" not in schema
            and isinstance(more, Mapping)
        ):
            return Made("{", (('"key": ', self.instance(cast("Schema", more))),), "}")
        return literal(self.data(schema))


def _kind(schema: Schema) -> str:
    said: object = schema.get("type", "")
    names = cast("list[str]", said) if isinstance(said, list) else [str(said)]
    return next((name for name in names if name != "null"), "null")


def _value(name: str) -> object:
    """One of lockgate's own values, with what it must have."""
    if name in ("Tree", "File"):
        file = File("a.txt", b"text")
        return file if name == "File" else Tree((file,))
    cls: Any = getattr(values, name)
    hints = typing.get_type_hints(cls)
    needed = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    return cls(**{field: _of_type(hints[field]) for field in needed})


def _of_type(annotation: Any) -> object:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return arguments[0]
    if origin in (typing.Union, types.UnionType):
        return _of_type(arguments[0])
    if dataclasses.is_dataclass(annotation):
        return _value(cast("type", annotation).__name__)
    if isinstance(origin, type):
        return {} if issubclass(origin, Mapping) else ()
    return {int: 1, float: 1.0, bool: True, bytes: b"bytes"}.get(annotation, "text")


def literal(value: object) -> Source:
    """`value`, plain data or one of lockgate's, as source."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bytes):
        return f"b{json.dumps(value.decode('ascii'))}"
    if isinstance(value, Mapping):
        given = cast("Mapping[str, object]", value).items()
        return Made(
            "{", tuple((f"{json.dumps(k)}: ", literal(v)) for k, v in given), "}"
        )
    if isinstance(value, list | tuple):
        items = tuple(map(literal, cast("Sequence[object]", value)))
        return Made("(", items, ")", lone_comma=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = tuple(
            (f"{field.name}=", literal(getattr(value, field.name)))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != _default(field)
        )
        return Made(f"{type(value).__name__}(", fields, ")")
    return repr(value)


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def written(source: Source, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """`source` as a formatter would have it: in one line if it fits, else one each.

    `before` and `after` are the columns that stand in its first and last line.
    """
    flat = _flat(source)
    if isinstance(source, str) or indent + before + len(flat) + after <= _WIDTH:
        return flat
    if isinstance(source, tuple):
        name, inner = source
        return name + written(inner, indent, before + len(name), after)
    if not source.items:
        return flat
    lines = [
        " " * (indent + 4) + written(item, indent + 4, 0, 1) + ","
        for item in source.items
    ]
    return "\n".join([source.opens, *lines, " " * indent + source.closes])


def _flat(source: Source) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, tuple):
        return source[0] + _flat(source[1])
    comma = "," if source.lone_comma and len(source.items) == 1 else ""
    return f"{source.opens}{', '.join(map(_flat, source.items))}{comma}{source.closes}"

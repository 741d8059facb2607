"""From the annotations of hook specs to JSON Schema, by their source.

The types are those that `lockgate.kinds._schema` holds data to: scalars, lists,
mappings, values of lockgate, and dataclasses of the author's, each once under
``$defs``. What the host could not check is refused where it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, cast

from lockgate import values
from lockgate.contract._modules import Module, Sources
from lockgate.contract._names import Found, dotted_of

__all__ = ["SpecTypes", "TypeRefusedError", "constant", "unquoted"]

Schema = dict[str, Any]

_DEPTH = 16
_TEXT_LIMIT_CHARS = 500
_PLAIN: Mapping[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
}
_LISTS = frozenset({"list", "List", "tuple", "Tuple", "Sequence"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping"})
_TYPING = frozenset({"typing", "typing_extensions", "collections.abc", "builtins"})
_OURS = frozenset({"lockgate", "lockgate.plugin", "lockgate.values"})
_KNOWN = (
    "Types of a hook spec: str, int, float, bool, bytes, Literal of strings, list, "
    "tuple[T, ...], dict[str, T], T | None, values of lockgate.plugin, dataclasses."
)


class TypeRefusedError(Exception):
    """A type that data can't be held to; `file` and `line` are where it stands."""

    def __init__(self, message: str, file: str, line: int, hint: str = _KNOWN) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.hint = hint


def constant(node: ast.expr) -> object:
    """What a literal stands for, as JSON has it: tuples are lists.

    Raises:
        ValueError: If it is none, or holds what a manifest can't.
    """
    value = cast(object, ast.literal_eval(node))
    return _json(value)


def _json(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_json(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        table = cast("dict[object, object]", value)
        if all(isinstance(key, str) for key in table):
            return {str(key): _json(item) for key, item in table.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    message = "a manifest can't hold it"
    raise ValueError(message)


class SpecTypes:
    """Reads annotations; `defs` are the dataclasses that they named so far."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.defs: dict[str, Schema] = {}
        self._homes: dict[str, ast.ClassDef] = {}

    def schema(self, module: Module, node: ast.expr, depth: int = _DEPTH) -> Schema:
        """The schema of the annotation `node` in `module`.

        Raises:
            TypeRefusedError: If there is none.
            SourceError: If a module that it leads to can't be parsed.
        """
        if depth <= 0 or not self._sources.step():
            raise _refused("the type is nested too deeply", module, node)
        if isinstance(node, ast.Constant):
            return self._constant(module, node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union(module, node, [node.left, node.right], depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(module, node, depth)
        found = dotted_of(self._sources, module, node)
        if found.module is not None and isinstance(found.node, ast.ClassDef):
            return self._record(found.module, found.node, depth)
        if found.module is not None and isinstance(found.node, ast.expr):
            return self.schema(found.module, found.node, depth - 1)  # an alias
        made = _named(found)
        if made is None:
            raise _refused(f"{_shown(node)} is no type of data", module, node)
        return made

    def _constant(self, module: Module, node: ast.Constant, depth: int) -> Schema:
        if node.value is None:
            return {"type": "null"}
        return self.schema(module, unquoted(module, node), depth - 1)

    def _union(
        self, module: Module, node: ast.expr, sides: Sequence[ast.expr], depth: int
    ) -> Schema:
        made = [self.schema(module, side, depth - 1) for side in sides]
        other = [one for one in made if one != {"type": "null"}]
        if len(made) != 2 or len(other) != 1:
            raise _refused("a union is one type and None", module, node)
        return _or_null(other[0])

    def _subscript(self, module: Module, node: ast.Subscript, depth: int) -> Schema:
        inner = node.slice
        items = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        base = dotted_of(self._sources, module, node.value).dotted
        owner, _, name = base.rpartition(".")
        if owner not in _TYPING:
            name = ""
        if name == "Annotated":
            return self.schema(module, items[0], depth - 1)
        if name == "Optional":
            return _or_null(self.schema(module, items[0], depth - 1))
        if name == "Union":
            return self._union(module, node, items, depth)
        if name == "Literal":
            return _enum(module, node, items)
        if name in _LISTS:
            endless = isinstance(items[-1], ast.Constant) and items[-1].value is ...
            if (name.lower() == "tuple") != endless or len(items) != 1 + endless:
                message = "a list is of one type: list[T] or tuple[T, ...]"
                raise _refused(message, module, node)
            return {"type": "array", "items": self.schema(module, items[0], depth - 1)}
        if name in _MAPPINGS and len(items) == 2:
            if self.schema(module, items[0], depth - 1) != _PLAIN["str"]:
                raise _refused("keys are strings", module, node)
            more = self.schema(module, items[1], depth - 1)
            return {"type": "object", "additionalProperties": more} if more else _any()
        raise _refused(f"{_shown(node)} is no type of data", module, node)

    # -- dataclasses -----------------------------------------------------------------

    def _record(self, module: Module, node: ast.ClassDef, depth: int) -> Schema:
        reference: Schema = {"$ref": f"#/$defs/{node.name}"}
        home = self._homes.get(node.name)
        if home is not None and home is not node:
            message = f"two classes are named {node.name}"
            raise _refused(message, module, node, "Give one of them another name.")
        if home is not None:
            if node.name not in self.defs:
                message = f"{node.name} holds itself"
                raise _refused(message, module, node, "Carry it as a Document.")
            return reference
        self._check_class(module, node)
        self._homes[node.name] = node
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                name = part.target.id
                if name != "_" and not self._of_class(module, part.annotation):
                    made = self.schema(module, part.annotation, depth - 1)
                    properties[name] = self._with_default(module, part.value, made)
                    if part.value is None:
                        required.append(name)
        self.defs[node.name] = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        return reference

    def _check_class(self, module: Module, node: ast.ClassDef) -> None:
        marks = [
            dotted_of(
                self._sources, module, one.func if isinstance(one, ast.Call) else one
            ).dotted
            for one in node.decorator_list
        ]
        if marks != ["dataclasses.dataclass"] or node.bases or node.keywords:
            message = f"{node.name} is no plain dataclass"
            hint = "Mark it @dataclass, from dataclasses, and derive it from nothing."
            raise _refused(message, module, node, hint)
        if node.name in values.__all__ or not node.name[:1].isupper():
            message = f"{node.name} is no name for a type of yours"
            hint = "A capital first; not a value of lockgate's own."
            raise _refused(message, module, node, hint)

    def _of_class(self, module: Module, node: ast.expr) -> bool:
        base = node.value if isinstance(node, ast.Subscript) else node
        return dotted_of(self._sources, module, base).dotted == "typing.ClassVar"

    def _with_default(
        self, module: Module, node: ast.expr | None, schema: Schema
    ) -> Schema:
        """A field's schema with its default; None needs none: the field is left out."""
        if node is None:
            return schema
        given = self._factory(module, node)
        try:
            default = given if given is not None else constant(node)
        except (ValueError, TypeError, RecursionError):
            message = f"the default {_shown(node)} can't be data"
            hint = "A literal, or field(default_factory=list), dict or tuple."
            raise _refused(message, module, node, hint) from None
        return schema if default is None else with_default(schema, default)

    def _factory(self, module: Module, node: ast.expr) -> object | None:
        """What ``field(default_factory=...)`` makes: an empty list or mapping."""
        if not isinstance(node, ast.Call) or len(node.keywords) != 1 or node.args:
            return None
        word = node.keywords[0]
        called = dotted_of(self._sources, module, node.func).dotted
        if called != "dataclasses.field" or word.arg != "default_factory":
            return None
        made = dotted_of(self._sources, module, word.value).dotted
        empty: dict[str, object] = {
            "builtins.list": [],
            "builtins.tuple": [],
            "builtins.dict": {},
        }
        return empty.get(made)


def with_default(schema: Schema, default: object) -> Schema:
    """`schema` with a default; an integer where a number stands is one."""
    if schema.get("type") == "number" and type(default) is int:
        default = float(default)
    return {**schema, "default": default}


def _any() -> Schema:
    return {"type": "object"}


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else schema


def _enum(module: Module, node: ast.expr, items: Sequence[ast.expr]) -> Schema:
    words = [item.value for item in items if isinstance(item, ast.Constant)]
    if len(words) != len(items) or not all(isinstance(word, str) for word in words):
        raise _refused("a Literal is of strings", module, node)
    return {"type": "string", "enum": words}


def _named(found: Found) -> Schema | None:
    """The schema of a full name that is not the author's own."""
    owner, _, name = found.dotted.rpartition(".")
    if owner == "builtins" and name in _PLAIN:
        return dict(_PLAIN[name])
    if owner in _TYPING and name in ("Any", "object"):
        return {}
    if owner in _TYPING and name in _LISTS:
        return {"type": "array", "items": {}}
    if owner in _TYPING and name in _MAPPINGS:
        return _any()
    if owner not in _OURS or name not in values.__all__:
        return None
    if name in ("Data", "Document"):
        return {} if name == "Data" else _any()
    words: tuple[str, ...] = getattr(getattr(values, name), "__args__", ())
    if words:  # an alias of words, like Severity
        return {"type": "string", "enum": list(words)}
    return {"type": "object", "format": f"lockgate:{name}"}


def unquoted(module: Module, node: ast.Constant) -> ast.expr:
    """The annotation that is written as text, at the place of that.

    Raises:
        TypeRefusedError: If it is none.
    """
    if not isinstance(node.value, str) or len(node.value) >= _TEXT_LIMIT_CHARS:
        raise _refused("no type", module, node)
    try:
        inner = ast.parse(node.value, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused("no type", module, node) from None
    for part in ast.walk(inner):
        if isinstance(part, ast.expr):
            part.lineno = node.lineno
    return inner


def _shown(node: ast.expr) -> str:
    """The text of `node`, cut short; of what nests too deeply for that, its kind."""
    try:
        return ast.unparse(node)[:80]
    except RecursionError:
        return f"a {type(node).__name__} that is nested too deeply"


def _refused(
    message: str, module: Module, node: ast.AST, hint: str = _KNOWN
) -> TypeRefusedError:
    return TypeRefusedError(message, module.file, getattr(node, "lineno", 0), hint)

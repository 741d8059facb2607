"""The hooks of added kinds as `HookSpec`s: the same as a built-in hook's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast

from lockgate._codec.misfit import Misfit
from lockgate._hook.options import HookOptions
from lockgate._specs.spec import CONTEXT, Argument, HookSpec, is_there, specs
from lockgate.kinds._schema import SchemaError, Schemas
from lockgate.kinds._values import AddedHook, AddedKind

__all__ = ["annotation_of", "hook_specs", "specs_with"]


def specs_with(kinds: Iterable[AddedKind]) -> Mapping[str, HookSpec]:
    """Every hook by its name: the built-in ones, then those of `kinds`.

    Raises:
        SchemaError: If a schema of one is not of the closed set.
    """
    added = [hook_specs(kind) for kind in kinds]
    if not added:
        return specs()
    found = dict(specs())
    for hooks in added:
        found.update(hooks)
    return MappingProxyType(found)


def hook_specs(kind: AddedKind) -> dict[str, HookSpec]:
    """The hooks that one kind has in its version; those that are removed left out.

    Raises:
        SchemaError: If a schema is not of the closed set; `where` begins with
            ``$defs``, or with ``hooks`` and the hook's position.
    """
    schemas = Schemas(kind.defs)
    schemas.check()
    return {
        hook.name: _spec(kind, hook, schemas, ("hooks", str(position)))
        for position, hook in enumerate(kind.hooks)
        if is_there(hook.life, kind.version)
    }


def _spec(
    kind: AddedKind, hook: AddedHook, schemas: Schemas, where: tuple[str, ...]
) -> HookSpec:
    arguments = tuple(
        _argument(name, schema, schemas, (*where, "arguments", name))
        for name, schema in hook.arguments.items()
    )
    return HookSpec(
        name=hook.name,
        options=HookOptions(
            kind.name,
            hook.firstresult,
            hook.timeout_seconds,
            hook.failure,
            hook.historic,
            hook.life,
        ),
        arguments=arguments,
        parameters=(*hook.arguments, CONTEXT),
        answer=schemas.codec(hook.answer, (*where, "answer")),
        annotation=_answer(hook),
        doc=hook.doc,
        own_timeout="timeout" in hook.arguments,
        stream=hook.stream,
        added=True,
        deprecated=hook.life.at(kind.version) == "deprecated",
    )


def _answer(hook: AddedHook) -> str:
    """The answer's type as an impl would be annotated with it."""
    item = annotation_of(hook.answer)
    return f"{f'Iterator[{item}]' if hook.stream else item} | None"


def _argument(
    name: str, schema: Mapping[str, Any], schemas: Schemas, where: tuple[str, ...]
) -> Argument:
    codec, default = schemas.codec(schema, where), schema.get("default")
    if default is not None:
        try:
            codec.canonical(default)
        except Misfit as misfit:
            raise SchemaError(f"`default` does not fit: {misfit}", where) from None
    return Argument(name, annotation_of(schema), codec, default)


_NAMES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "Document",
}


def annotation_of(schema: Mapping[str, Any]) -> str:
    """A schema as the annotation that it was made of, for readers."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return f"{annotation_of(schema['anyOf'][0])} | None"
    if "format" in schema:
        return str(schema["format"]).rpartition(":")[2]
    said: object = schema.get("type", "")
    names = cast("list[str]", said) if isinstance(said, list) else [str(said)]
    kinds = [name for name in names if name != "null"] or ["null"]
    kind, empty = kinds[0], len(names) > 1
    text = _NAMES.get(kind, "Data")
    if kind == "array":
        text = f"tuple[{annotation_of(schema.get('items', {}))}, ...]"
    elif "contentEncoding" in schema:
        text = "bytes"
    elif "enum" in schema:
        text = f"Literal[{', '.join(map(repr, schema['enum']))}]"
    elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        text = f"Mapping[str, {annotation_of(schema['additionalProperties'])}]"
    return f"{text} | None" if empty else text

"""The defaults that a JSON Schema gives, filled in where nothing is set.

As validators with that feature do it: what lies in ``properties`` and ``items`` counts,
through ``$ref`` too; of ``anyOf`` and its like nobody could say which branch is meant.
A table that is absent stays absent unless it has a default itself, and a default is
taken whole: so this ends, whatever a schema refers to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["schema_at", "with_defaults"]

_DEPTH = 64
_HOPS = 16
"""A ``$ref`` may lead to another one so many times."""


def with_defaults(value: Any, schema: object, root: object = None) -> Any:
    """`value` with the defaults of `schema`; nothing of either is changed."""
    return _filled(value, schema, schema if root is None else root, 0)


def _filled(value: Any, schema: object, root: object, depth: int) -> Any:
    table = schema_at(schema, root)
    if not table or depth >= _DEPTH:
        return value
    if isinstance(value, Mapping):
        found = dict(cast("Mapping[str, Any]", value))
        for key, about in properties_of(table).items():
            if key in found:
                found[key] = _filled(found[key], about, root, depth + 1)
                continue
            default = schema_at(about, root)
            if "default" in default:
                found[key] = default["default"]
        return found
    if isinstance(value, list | tuple) and "items" in table:
        items = cast("list[Any]", value)
        return [_filled(item, table["items"], root, depth + 1) for item in items]
    return cast("Any", value)


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of each key of a table."""
    found: object = schema.get("properties")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def schema_at(schema: object, root: object) -> Mapping[str, Any]:
    """`schema`, or what it refers to; empty if that is no schema with keywords.

    What stands beside a ``$ref`` (a default, say) counts before what it leads to.
    """
    beside: dict[str, Any] = {}
    for _ in range(_HOPS):
        if not isinstance(schema, Mapping):
            break
        table = cast("Mapping[str, Any]", schema)
        beside = {**table, **beside}
        reference: object = table.get("$ref")
        if not isinstance(reference, str):
            break
        schema = _pointed(reference, root)
    return beside


def _pointed(reference: str, root: object) -> object:
    """What a JSON Pointer (RFC 6901) into the schema itself leads to."""
    if not reference.startswith("#"):
        return None
    here = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping):
            here = cast("Mapping[str, object]", here).get(key)
        else:
            return None
    return here

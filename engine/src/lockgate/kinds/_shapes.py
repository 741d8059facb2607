"""The types of an added kind, for those who write plugins of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate._specs.shapes import Shape
from lockgate.kinds._specs import annotation_of
from lockgate.kinds._values import AddedKind

__all__ = ["shapes_in"]


def shapes_in(kind: AddedKind) -> dict[str, Shape]:
    """Each of the kind's types that has fields, by name."""
    return {
        name: Shape(name, str(schema.get("description", "")), _fields(schema))
        for name, schema in kind.defs.items()
        if "properties" in schema
    }


def _fields(schema: Mapping[str, Any]) -> tuple[str, ...]:
    required = schema.get("required", ())
    parts: Mapping[str, Mapping[str, Any]] = schema["properties"]
    return tuple(
        f"{name}: {annotation_of(part)}{_default(part, required=name in required)}"
        for name, part in parts.items()
    )


def _default(part: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return ""
    return f" = {part['default']!r}" if "default" in part else " = …"

"""What the values of a hook are made of, for those who write plugins.

``lockgate hooks show`` and ``docs/reference/hooks.md`` are made from this.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lockgate import values

__all__ = ["Shape", "all_shapes", "shapes_of"]

_FACTORY = "{}"
"""The only default that a factory makes, in every value: an empty document."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One type: a value's class with its fields, or another name for a type."""

    name: str
    doc: str
    fields: tuple[str, ...]
    """Each as in a signature: ``line: int``, ``column: int = 1``."""

    @property
    def signature(self) -> str:
        """How one is made."""
        return f"{self.name}({', '.join(self.fields)})"


def all_shapes() -> dict[str, Shape]:
    """Every class of `lockgate.values`, by name."""
    found: dict[str, Shape] = {}
    for name in values.__all__:
        cls = getattr(values, name)
        if isinstance(cls, type) and dataclasses.is_dataclass(cls):
            fields = tuple(_field(field) for field in dataclasses.fields(cls))
            found[name] = Shape(name, inspect.getdoc(cls) or "", fields)
    return found


def shapes_of(
    *annotations: str, added: Mapping[str, Shape] | None = None
) -> tuple[Shape, ...]:
    """The classes that `annotations` name, and those that their fields do.

    `added` are those of an added kind; a name of theirs means theirs.
    """
    known, found = {**all_shapes(), **(added or {})}, dict[str, Shape]()
    waiting = [name for annotation in annotations for name in _names(annotation)]
    while waiting:
        shape = known.get(waiting.pop(0))
        if shape is not None and shape.name not in found:
            found[shape.name] = shape
            waiting.extend(name for field in shape.fields for name in _names(field))
    return tuple(found.values())


def _names(annotation: str) -> Iterator[str]:
    yield from re.findall(r"[A-Z]\w+", annotation.partition(" = ")[0])


def _field(field: dataclasses.Field[object]) -> str:
    kind = str(field.type)
    if kind == "Severity":
        kind = " | ".join(repr(word) for word in values.Severity.__args__)  # type: ignore[attr-defined]
    kind = re.sub(r"Literal\[(.*)\]", lambda m: m[1].replace(", ", " | "), kind)
    text = f"{field.name}: {kind.replace(chr(34), chr(39))}"
    if field.default is not dataclasses.MISSING:
        default = field.default
        shown = "Tree()" if isinstance(default, values.Tree) else repr(default)
        return f"{text} = {shown}"
    if field.default_factory is not dataclasses.MISSING:
        return f"{text} = {_FACTORY}"
    return text

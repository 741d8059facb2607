"""The annotations of value types and specs, as codecs read them."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

__all__ = ["AnyData", "AnyDocument", "has_records", "hints", "optional_of"]


class AnyData:
    """Stands for the annotation `lockgate.values.Data`."""


class AnyDocument:
    """Stands for the annotation `lockgate.values.Document`."""


def hints(owner: object) -> dict[str, Any]:
    """The annotations of a value type or a spec, as `codec` reads them.

    `Data` is recursive, so evaluating it never ends well: its two names are
    read as themselves instead of being spelled out.
    """
    names = {"Data": AnyData, "Document": AnyDocument}
    return typing.get_type_hints(owner, localns=names)


def optional_of(annotation: object) -> Any:
    """`T` of ``T | None``, and None if the annotation is no such union."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None
    arguments = typing.get_args(annotation)
    inner = [argument for argument in arguments if argument is not type(None)]
    return inner[0] if len(inner) == 1 and len(arguments) == 2 else None


def has_records(annotation: object) -> bool:
    """Whether values of the type are, or are lists of, dataclasses."""
    if dataclasses.is_dataclass(annotation):
        return True
    return any(has_records(inner) for inner in typing.get_args(annotation))

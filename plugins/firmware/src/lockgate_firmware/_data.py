"""The closed set of types that specs, contracts and scenarios are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Data", "Document"]

Data: TypeAlias = (
    "bool | int | float | str | bytes | Sequence[Data] | Mapping[str, Data] | None"
)
Document: TypeAlias = Mapping[str, Data]

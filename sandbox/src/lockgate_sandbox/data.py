"""What crosses the boundary: `Given` as somebody gives it, `Data` as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lockgate_sandbox.errors import Data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    from typing_extensions import Buffer

    class Array(Protocol):
        """An array of numpy's: below Python 3.12 it is no `Buffer` to type checkers."""

        @property
        def __array_interface__(self) -> Any: ...


__all__ = ["Data", "Given"]

Given: TypeAlias = (
    "int | float | str | Buffer | Array | Sequence[Given] | Mapping[str, Given] | None"
)
"""What arguments and inputs are made of, for type checkers: a ``list[int]`` is one.

`Data` is what becomes of it. A sequence is a list or a tuple, a mapping a dict, and a
buffer an array of numbers (numpy, `array`, `memoryview`): the call refuses others.
"""

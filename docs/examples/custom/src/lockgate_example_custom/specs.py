"""A kind of one's own, `units`: what its hooks are asked and answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lockgate.plugin import hookspec


@dataclass(frozen=True)
class Quantity:
    """A number of units, like 3 km."""

    value: float
    unit: str


@dataclass(frozen=True)
class Row:
    """One line of a table of conversions."""

    given: Quantity
    made: Quantity


class Units(Protocol):
    """Quantities in other units."""

    API_VERSION = "1.1"

    @hookspec("units", firstresult=True)
    def convert(self, quantity: Quantity, to: str) -> Quantity | None:
        """Say it in another unit. None hands it to the next plugin."""
        ...

    @hookspec("units", since="1.1", failure="skip")
    def table(
        self, unit: str, to: str, first: float = 0.0, step: float = 1.0
    ) -> Iterator[Row]:
        """Convert `first`, and on in steps, until the reader has enough."""
        ...

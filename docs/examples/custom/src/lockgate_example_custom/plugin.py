"""Lengths and temperatures: the hooks of the kind `units`, answered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from lockgate.plugin import hookimpl
from lockgate_example_custom.specs import Quantity, Row

_SCALES = {
    "length": {"m": (1.0, 0.0), "km": (1000.0, 0.0), "in": (0.0254, 0.0)},
    "temperature": {"K": (1.0, 0.0), "C": (1.0, 273.15), "F": (5 / 9, 459.67 * 5 / 9)},
}
"""By dimension and unit: the factor and the offset that give the base unit."""


def _made(value: float, unit: str, to: str) -> float | None:
    for units in _SCALES.values():
        if unit in units and to in units:
            factor, offset = units[unit]
            other_factor, other_offset = units[to]
            return (value * factor + offset - other_offset) / other_factor
    return None


@hookimpl
def convert(quantity: Quantity, to: str) -> Quantity | None:
    """Convert lengths and temperatures."""
    value = _made(quantity.value, quantity.unit, to)
    return None if value is None else Quantity(round(value, 9), to)


@hookimpl
def table(unit: str, to: str, first: float, step: float) -> Iterator[Row]:
    """Convert on and on; nothing for units that are unknown."""
    for number in count():
        given = Quantity(first + number * step, unit)
        made = convert(given, to)
        if made is None:
            return
        yield Row(given, made)

"""Numbers as a reader wants them: times, sizes, counts."""

from __future__ import annotations

import math

__all__ = ["count", "duration", "round_places", "seconds", "size"]


def duration(microseconds: float) -> str:
    """A time of a simulation: ``0``, ``20 µs``, ``12.5 ms``, ``4.90 s``."""
    if microseconds < 1:
        return "0"
    if microseconds < 1_000:
        return f"{microseconds:.0f} µs"
    if microseconds < 1_000_000:
        return f"{_short(microseconds / 1_000)} ms"
    return f"{_short(microseconds / 1_000_000)} s"


def seconds(value: float) -> str:
    """A time of the clock: ``<1 ms``, ``12 ms``, ``1.25 s``, ``2 min 5 s``."""
    if value < 0.001:
        return "<1 ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{_short(value)} s"
    return f"{value // 60:.0f} min {value % 60:.0f} s"


def size(value: float) -> str:
    """A number of bytes: ``512 B``, ``5.2 KiB``."""
    if value < 1024:
        return f"{value:.0f} B"
    if value < 1024 * 1024:
        return f"{value / 1024:.1f} KiB"
    return f"{value / 1024 / 1024:.1f} MiB"


def count(value: int, one: str, many: str = "") -> str:
    """A counted noun: ``1 finding``, ``3 findings``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}".replace(",", " ")


def _short(value: float) -> str:
    """Three digits that matter, without trailing zeros."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    shown = f"{value:.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def round_places(end: float) -> list[float]:
    """Two to six round numbers from 0 on, for an axis that ends at `end` (> 0).

    The last is far enough from the end for two labels beside each other.
    """
    part = max(end, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(part))
    step = next(power * base for base in (1, 2, 5, 10) if power * base >= part)
    return [index * step for index in range(6) if index * step < end * 0.86]

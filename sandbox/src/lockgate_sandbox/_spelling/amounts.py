"""How an amount of bytes is written for people."""

from __future__ import annotations

__all__ = ["size"]


def size(value: float) -> str:
    """`value` bytes in the largest unit that needs no more than two decimals."""
    for factor, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= factor and (value * 100) % factor == 0:
            return f"{value / factor:,g} {unit}"
    return f"{int(value):,} B"

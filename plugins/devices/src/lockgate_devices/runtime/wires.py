"""What both boards' serial wires have in common."""

from __future__ import annotations

__all__ = ["segments"]


def segments(data: bytes) -> list[bytes]:
    """Cut `data` after each newline; only byte 10 is a newline."""
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines

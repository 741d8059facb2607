"""Numbers as people read them: ``1,204 files``, ``1.5 KiB``."""

from __future__ import annotations

__all__ = ["counted", "size"]


def counted(number: int, one: str) -> str:
    """`number` things in words: ``1 file``, ``2 files``."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def size(count: float) -> str:
    """`count` bytes as people read them: ``0 B``, ``1.5 KiB``, ``12.0 MiB``."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB"):
        count /= 1024
        if count < 1023.95:  # what is more is not told as 1,024.0
            return f"{count:.1f} {unit}"
    return f"{count / 1024:,.1f} GiB"

"""How much a wheel may be and become."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a wheel; sizes in bytes. What exceeds one is refused unread.

    The wheel is held in memory while it is judged and unpacked; a member is
    inflated in pieces, so its size costs time, not memory.
    """

    wheel_bytes: int = 512 * _MIB
    """Of the file."""
    files: int = 40_000
    file_bytes: int = 1024 * _MIB
    """Of one member, unpacked."""
    total_bytes: int = 2048 * _MIB
    """Of all members, unpacked."""
    ratio: int = 50
    """All members, unpacked, to the file: above `ratio_from_bytes` only."""
    ratio_from_bytes: int = 64 * _MIB
    path_bytes: int = 512
    part_bytes: int = 255
    """Of one part of a path: what ext4 keeps."""
    depth: int = 32
    metadata_bytes: int = 4 * _MIB
    record_bytes: int = 16 * _MIB
    wheel_file_bytes: int = 256 * 1024
    """Of the file WHEEL, which lists each tag in a line of its own."""
    entry_points_bytes: int = 256 * 1024

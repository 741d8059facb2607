"""Why the keeper killed: told to the host before it is done.

Both look at the same limits, each in its own time. Where the keeper is quicker all
that the host sees is a process that died by SIGKILL, so the keeper says why first, by
its leash.
"""

from __future__ import annotations

import struct
import time

__all__ = ["CPU", "HIDDEN", "MEMORY", "VERDICT_BYTES", "pack", "unpack"]

MEMORY, CPU, HIDDEN = b"M", b"C", b"H"

_HEAD = struct.Struct("<cdd")
"""Which limit (`HIDDEN`: nobody can tell), when by the monotonic clock, how much was
used; pids follow."""

_PIDS_LIMIT = 128
"""Parents come before their children, and only those near the root are asked for."""

VERDICT_BYTES = _HEAD.size + 4 * _PIDS_LIMIT


def pack(pids: list[int], limit: bytes, used: float) -> bytes:
    """The verdict on the tree `pids`, reached now."""
    named = pids[:_PIDS_LIMIT]
    head = _HEAD.pack(limit, time.monotonic(), used)
    return head + struct.pack(f"<{len(named)}i", *named)


def unpack(data: bytes) -> tuple[list[int], bytes, float, float]:
    """The pids of a verdict, its limit, when it was reached, and what was used."""
    limit, when, used = _HEAD.unpack_from(data)
    pids = [pid for (pid,) in struct.iter_unpack("<i", data[_HEAD.size :])]
    return pids, limit, when, used

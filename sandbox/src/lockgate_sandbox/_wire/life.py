"""What is told on a life socket: a child runs, it could not be forked, it ended.

`RUNS` carries pidfds: the worker's, and under a warden the warden's second.
`FAILED` is followed by text. The last message is an `EXIT`.
"""

from __future__ import annotations

import _socket
import struct

__all__ = ["EXIT", "FAILED", "RUNS", "tell"]

RUNS = b"R"
FAILED = b"F"

EXIT = struct.Struct("<cidqi")
"""``b"X"``, wait status, CPU seconds and peak KiB of the whole tree, and a bit for
each of `COUNTED` that a warden refused something for."""

COUNTED = ("processes", "inodes", "disk_bytes")
"""Limits that a warden counts."""


def tell(life: _socket.socket, data: bytes, fds: tuple[int, ...] = ()) -> None:
    """Send one message; a host that is gone or has lost interest is no error."""
    packed = struct.pack(f"{len(fds)}i", *fds)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)] if fds else []
    try:
        life.sendmsg([data], ancillary, _socket.MSG_NOSIGNAL)
    except OSError:
        return

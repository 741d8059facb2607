"""One TCP connection to one judged address."""

from __future__ import annotations

import socket

from lockgate_sandbox._line import copies
from lockgate_sandbox._watch.descriptors import room_for
from lockgate_sandbox.broker._addresses import Address

__all__ = ["connect_to"]


def connect_to(address: Address, port: int, seconds: float) -> socket.socket:
    """A non-blocking socket that is connected to `address`.

    Raises:
        OSError: If it can't be reached.
        HostDescriptorsError: If the host has none left for it.
        TimeoutError: If that takes longer than `seconds`.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with room_for(1, "a connection"):
        kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
        sock = copies.alone(lambda: socket.socket(family, kind))
    try:
        sock.settimeout(max(seconds, 0.001))
        sock.connect((str(address), port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock

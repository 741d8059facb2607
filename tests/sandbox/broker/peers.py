"""Servers that clients talk to through the broker, and what they need."""

from __future__ import annotations

import socket

__all__ = ["CONNECT", "echo"]


def echo(sock: socket.socket) -> None:
    """Send everything back, until the other side ends."""
    while data := sock.recv(1 << 16):
        sock.sendall(data)


CONNECT = """
import socket
try:
    with socket.create_connection((host, port), timeout=5) as sock:
        result = "connected"
except OSError as error:
    result = [type(error).__name__, str(error)]
"""

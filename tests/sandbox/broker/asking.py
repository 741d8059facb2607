"""Programs of a worker that asks the broker for web pages."""

from __future__ import annotations

import socket

__all__ = ["GET", "hang"]

GET = """
import httpx
client = httpx.Client(transport=session.http_transport(), follow_redirects=follow)
try:
    answer = client.get(url)
    result = [answer.status_code, answer.text, str(answer.url)]
except Exception as error:
    result = [type(error).__mro__[1].__name__, str(error),
              isinstance(error, PermissionError)]
"""


def hang(sock: socket.socket) -> None:
    """Read for ever, say nothing."""
    while sock.recv(1 << 16):
        pass

"""Programs of a worker that asks the broker for web pages and files."""

from __future__ import annotations

import socket

__all__ = ["GET", "OPEN", "hang"]

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

OPEN = """
try:
    with session.open(path, mode) as file:
        result = file.read() if "r" in mode else file.write(data)
except OSError as error:
    result = [type(error).__mro__[2].__name__, str(error)]
"""


def hang(sock: socket.socket) -> None:
    """Read for ever, say nothing."""
    while sock.recv(1 << 16):
        pass

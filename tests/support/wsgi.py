"""A WSGI application that answers on loopback, by the standard library's server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

__all__ = ["Application", "answering"]

Application: TypeAlias = (
    "Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]"
)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def answering(application: Application) -> Generator[int]:
    """The port that `application` answers on, inside the ``with`` block."""
    server = make_server("127.0.0.1", 0, application, WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Loopback servers that a test scripts: plain, TLS, and as odd as it likes."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

import trustme

__all__ = ["Request", "Server", "authority", "http_server", "reply", "serve"]

Handler = Callable[[socket.socket], object]


@functools.cache
def authority() -> trustme.CA:
    """The certificate authority of this test run."""
    return trustme.CA()


@dataclass
class Server:
    """A listening server and what it saw."""

    port: int
    connections: int = 0
    requests: list[Request] = field(default_factory=lambda: list[Request]())


@dataclass
class Request:
    """One HTTP/1.1 request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[0] if found else None


@contextlib.contextmanager
def serve(
    handler: Handler, *, names: tuple[str, ...] = (), host: str = "127.0.0.1"
) -> Generator[Server]:
    """Run `handler` with each connection, on threads; with TLS if it has `names`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=256)
    server = Server(listener.getsockname()[1])
    serving = _Serving(handler, listener, server, _tls(names) if names else None)
    serving.start()
    try:
        yield server
    finally:
        serving.stop()


def _tls(names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority().issue_cert(*names)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


class _Serving:
    """The threads of one server: one accepts, and each connection has its own."""

    def __init__(
        self,
        handler: Handler,
        listener: socket.socket,
        server: Server,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._handler = handler
        self._listener = listener
        self._server = server
        self._tls = tls
        self._live: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._live):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._server.connections += 1
                self._live.add(connection)
                thread = threading.Thread(
                    target=self._attend, args=(connection,), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _attend(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            sock = connection
            if self._tls is not None:
                sock = self._tls.wrap_socket(connection, server_side=True)
            self._live.add(sock)
            with sock:
                self._handler(sock)


def reply(
    body: bytes = b"ok", status: str = "200 OK", headers: tuple[str, ...] = ()
) -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.contextmanager
def http_server(
    answer: Callable[[Request], bytes | Iterable[bytes]] = lambda _: reply(),
    *,
    names: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> Generator[Server]:
    """Answer each request with what `answer` gives: bytes, or pieces of them.

    Pieces are sent as they are made. One that raises `ConnectionError` hangs up.
    """

    def handler(sock: socket.socket) -> None:
        with sock.makefile("rb") as stream:
            while True:
                line = stream.readline()
                if not line:
                    return
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers: list[tuple[str, str]] = []
                while (text := stream.readline().decode("latin-1").strip()) != "":
                    name, _, value = text.partition(":")
                    headers.append((name, value.strip()))
                request = Request(method, target, headers, b"")
                length = request.header("content-length")
                if length:
                    request.body = stream.read(int(length))
                elif request.header("transfer-encoding"):
                    while size := int(stream.readline(), 16):
                        request.body += stream.read(size)
                        stream.readline()
                    stream.readline()
                server.requests.append(request)
                answered = answer(request)
                for piece in (answered,) if isinstance(answered, bytes) else answered:
                    sock.sendall(piece)

    with serve(handler, names=names, host=host) as server:
        yield server

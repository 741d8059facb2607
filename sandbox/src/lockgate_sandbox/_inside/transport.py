"""An httpx transport inside a worker: the host sends the requests.

The classes are made when they are asked for, on the plugin's own httpx. A body
crosses in pieces, both ways; whenever the host has nothing yet it says so within
some 50 ms and is asked again, so threads of the plugin take turns.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, TypeAlias

    Ask: TypeAlias = Callable[[str, dict[str, Any]], Any]

__all__ = ["build"]

_PIECE_BYTES = 256 << 10

# The broker frames every message itself and refuses these from us.
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def build(ask: Ask) -> Any:
    """One object that is a sync and an async transport of the plugin's httpx.

    Raises:
        ModuleNotFoundError: If there is none.
    """
    import httpx

    call, response = _translated(ask), _response_maker()

    class BrokerTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
        """Sends requests through the host's broker."""

        def handle_request(self, request: Any) -> Any:
            exchange = _Exchange(call, request)
            try:
                if exchange.has_body:
                    for piece in request.stream:
                        exchange.send(piece)
                exchange.finish()
            except BaseException:
                exchange.close()
                raise
            return response(exchange)

        async def handle_async_request(self, request: Any) -> Any:
            exchange = await _in_thread(_Exchange, call, request)
            try:
                if exchange.has_body:
                    async for piece in request.stream:
                        await _in_thread(exchange.send, piece)
                await _in_thread(exchange.finish)
            except BaseException:
                exchange.close()
                raise
            return response(exchange)

    return BrokerTransport()


def _translated(ask: Ask) -> Ask:
    """`ask`, with what the host refused or failed as httpx says it."""
    errors = _errors()

    def call(name: str, arguments: dict[str, Any]) -> Any:
        try:
            return ask(name, arguments)
        except OSError as error:
            kind = errors(error)
            if kind is None:  # our own
                raise
            raise kind(str(error)) from error

    return call


def _response_maker() -> Callable[[_Exchange], Any]:
    """What makes the response of an exchange, for both kinds of clients."""
    import httpx

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __init__(self, exchange: _Exchange) -> None:
            self._exchange = exchange

        def __iter__(self) -> Iterator[bytes]:
            while not self._exchange.ended:
                data = self._exchange.read()
                if data:
                    yield data

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while not self._exchange.ended:
                data = await _in_thread(self._exchange.read)
                if data:
                    yield data

        def close(self) -> None:
            self._exchange.close()

        async def aclose(self) -> None:
            await _in_thread(self._exchange.close)

    def response(exchange: _Exchange) -> Any:
        head = exchange.head
        return httpx.Response(
            head["status"], headers=head["headers"], stream=Body(exchange)
        )

    return response


class _Exchange:
    """A request under way, as the broker counts it."""

    def __init__(self, ask: Ask, request: Any) -> None:
        url, headers = request.url, request.headers
        length: int | None = int(headers.get("content-length", 0))
        if "transfer-encoding" in headers:
            length = None
        self._ask = ask
        self.ended = False
        self.has_body = length != 0
        self.head: dict[str, Any] = ask(
            "broker.http.open",
            {
                "method": request.method,
                "scheme": url.scheme,
                "host": url.raw_host.decode("ascii"),
                "port": url.port or {"http": 80, "https": 443}.get(url.scheme, 0),
                "target": url.raw_path.decode("ascii"),
                "headers": [
                    [name.decode("latin-1"), value.decode("latin-1")]
                    for name, value in headers.raw
                    if name.lower().decode("latin-1") not in _FRAMING
                ],
                "length": length,
            },
        )
        self._number: int = self.head["id"]

    def send(self, piece: bytes) -> None:
        for start in range(0, len(piece), _PIECE_BYTES):
            self._write(piece[start : start + _PIECE_BYTES], False)

    def _write(self, data: bytes, last: bool) -> None:
        arguments = {"id": self._number, "data": data, "last": last}
        while not self._ask("broker.http.write", arguments):
            pass

    def finish(self) -> None:
        """The request is whole: wait for the head of the response."""
        if self.has_body:
            self._write(b"", True)
        while self.head["status"] is None:
            self.head = self._ask("broker.http.head", {"id": self._number})

    def read(self) -> bytes:
        answer = self._ask("broker.http.read", {"id": self._number})
        self.ended = answer["end"]
        data: bytes = answer["data"]
        return data

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self._ask("broker.http.close", {"id": self._number})


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    from anyio.to_thread import run_sync  # httpx has it in any case

    return await run_sync(function, *arguments)


def _errors() -> Callable[[BaseException], Any]:
    """Which exception of httpx stands for one of the host's."""
    import httpx

    kinds = {
        "connect-failed": httpx.ConnectError,
        "connect-timeout": httpx.ConnectTimeout,
        "pool-timeout": httpx.PoolTimeout,
        "read-failed": httpx.ReadError,
        "read-timeout": httpx.ReadTimeout,
        "write-failed": httpx.WriteError,
        "write-timeout": httpx.WriteTimeout,
        "protocol-failed": httpx.RemoteProtocolError,
    }

    class RefusedError(httpx.TransportError, PermissionError):
        """The broker refused: its message names the grant that would allow it."""

    RefusedError.__qualname__ = (
        "RefusedError"  # where it was made is nothing to a reader
    )

    def kind(error: BaseException) -> Any:
        if isinstance(error, PermissionError):
            return RefusedError
        return kinds.get(getattr(error, "code", ""))

    return kind

"""The one place that knows the HTTP library: a request out, an answer in.

httpcore is what httpx is built on: connections, HTTP/1.1, TLS. What httpx would add
(redirects, decoding, cookies, environment) is done here by hand or not wanted.
"""

from __future__ import annotations

import ssl
import urllib.request
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._network import Network
from lockgate_marketplace.fetch._pace import CURRENT, Pace
from lockgate_marketplace.fetch._rules import Place

__all__ = ["Answer", "TransientError", "Wire"]

_PIECE = 1 << 16
_CONNECTIONS = 12


class TransientError(Exception):
    """The connection failed in a way that a second attempt may not."""

    def __init__(self, code: str, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.wait = wait
        """What the server asked to wait, in seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers (lower case), and the body while it comes in."""

    status: int
    headers: Mapping[str, str]
    _raw: Iterator[bytes]

    def pieces(self) -> Iterator[bytes]:
        """The body, decoded, in pieces of 64 KiB at most.

        Raises:
            FetchError: If it is encoded otherwise than by gzip.
        """
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return self._raw
        if encoding not in ("gzip", "x-gzip"):
            message = (
                f"the answer is encoded as {encoding[:40]!r}, which nobody asked for"
            )
            raise FetchError("fetch-encoding", message)
        return _inflated(self._raw)


def _inflated(raw: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    for packed in raw:
        rest = packed
        while rest and not unpacker.eof:
            try:
                piece = unpacker.decompress(rest, _PIECE)
            except zlib.error as error:
                message = f"the answer is no gzip stream: {error}"
                raise FetchError("fetch-encoding", message) from None
            rest = unpacker.unconsumed_tail
            if piece:
                yield piece
        if unpacker.eof and (rest or unpacker.unused_data):
            message = "something follows the end of the gzip stream"
            raise FetchError("fetch-encoding", message)
    if not unpacker.eof:
        raise TransientError("fetch-truncated", "the gzip stream ends too early")


class Wire:
    """Connections to servers. Follows nothing, keeps nothing; safe for threads."""

    def __init__(self, *, proxies: bool = False) -> None:
        self._tls = ssl.create_default_context()
        self._direct = self._pool("")
        self._proxied: dict[str, httpcore.ConnectionPool] = {}
        if proxies:
            for scheme, url in urllib.request.getproxies().items():
                if urlsplit(url).scheme in ("http", "https"):
                    self._proxied[scheme] = self._pool(url)

    def _pool(self, proxy: str) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._tls,
            max_connections=_CONNECTIONS,
            keepalive_expiry=15,
            proxy=httpcore.Proxy(proxy) if proxy else None,
            network_backend=Network(),
        )

    def close(self) -> None:
        """End all connections."""
        for pool in (self._direct, *self._proxied.values()):
            pool.close()

    @contextmanager
    def ask(
        self,
        place: Place,
        headers: Mapping[str, str],
        pace: Pace,
        *,
        form: Iterator[bytes] | None = None,
    ) -> Generator[Answer]:
        """Ask for `place`, or post `form` there; the answer is read in the context.

        `headers` say how long the form is.

        Raises:
            FetchError: If it may not be connected to, or takes too long.
            TransientError: If the connection fails.
        """
        token = CURRENT.set(pace)
        pace.start()
        url = httpcore.URL(
            scheme=place.scheme.encode(),
            host=place.host.encode(),
            port=place.port,
            target=place.target.encode(),
        )
        fields = list({"Host": place.authority, **headers}.items())
        method = "GET" if form is None else "POST"
        pool = self._for(place)
        try:
            with (
                _told(place, pace),
                pool.stream(method, url, headers=fields, content=form) as response,
            ):
                pairs = [
                    (key.decode("latin-1").lower(), value.decode("latin-1"))
                    for key, value in response.headers
                ]
                yield Answer(response.status, dict(pairs), _body(response))
        finally:
            CURRENT.reset(token)

    def _for(self, place: Place) -> httpcore.ConnectionPool:
        proxy = self._proxied.get(place.scheme)
        if proxy is None or urllib.request.proxy_bypass(place.host):
            return self._direct
        return proxy


def _body(response: httpcore.Response) -> Iterator[bytes]:
    stream: Iterator[bytes] = response.iter_stream()
    return stream


@contextmanager
def _told(place: Place, pace: Pace) -> Generator[None]:
    """What went wrong, in our words."""
    where = f"{place.host}:{place.port}"
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
            message = f"TLS with {where} failed: {error}"
            raise FetchError("fetch-tls", message, where=where) from None
        message = f"{where} cannot be reached: {str(error) or 'no answer'}"
        raise TransientError("fetch-unreachable", message) from None
    except (httpcore.ReadTimeout, httpcore.WriteTimeout):
        pace.patience()  # if the time is over, that is what is wrong
        message = f"{where} went silent"
        raise TransientError("fetch-slow", message) from None
    except (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError) as e:
        # What follows quotes the answer, which may repeat what was sent: a password.
        what = str(e).partition(":")[0]
        message = f"the answer of {where} ends too early, or is no HTTP: {what}"
        raise TransientError("fetch-truncated", message) from None
    except (httpcore.ProxyError, httpcore.UnsupportedProtocol) as error:
        message = f"no way to {where}: {error}"
        raise FetchError("fetch-unreachable", message, where=where) from None
    except httpcore.LocalProtocolError as error:
        message = f"{where} cannot be asked: {error}"
        raise FetchError("fetch-url", message, where=place.url[:200]) from None

"""Sockets that keep time, to addresses that the host's name may stand for."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._pace import CURRENT
from lockgate_marketplace.sources import is_loopback

__all__ = ["Network"]


class Network(httpcore.NetworkBackend):
    """Connects as `httpcore.SyncBackend` does, after a look at the address.

    A name is resolved once and the address pinned, so what was judged is what is
    connected to.
    """

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the pace says how long
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - none are set
    ) -> httpcore.NetworkStream:
        """A connection to the first address of `host` that answers.

        Raises:
            FetchError: If an address is this machine's or the link's, and the name
                does not say so.
            httpcore.ConnectError: If none answers.
        """
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                stream = self._plain.connect_tcp(
                    address, port, CURRENT.get().patience(), local_address
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _PacedStream(stream)
        raise failed


class _PacedStream(httpcore.NetworkStream):
    """A connection whose reads and writes are those of the current exchange."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        pace = CURRENT.get()
        piece = self._stream.read(max_bytes, pace.patience())
        pace.received(len(piece))
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, CURRENT.get().patience())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        patience = CURRENT.get().patience()
        inner = self._stream.start_tls(ssl_context, server_hostname, patience)
        return _PacedStream(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int) -> list[str]:
    """What `host` stands for, judged.

    Raises:
        FetchError: If it stands for an address that its name hides.
        httpcore.ConnectError: If it stands for none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not is_loopback(host):
        for text in addresses:
            address = ipaddress.ip_address(text.partition("%")[0])
            mapped = getattr(address, "ipv4_mapped", None) or address
            if (
                mapped.is_loopback
                or mapped.is_link_local
                or mapped.is_multicast
                or mapped.is_unspecified
            ):
                message = (
                    f"{host} stands for {text}, an address of this machine or link"
                )
                raise FetchError("fetch-address", message, where=host)
    return addresses

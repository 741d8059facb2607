"""Connections for HTTP: to the pinned address only, metered, ended by a deadline.

httpcore speaks HTTP; this is the network below it. The thread that runs an exchange
does its IO, so what belongs to the exchange is found by thread.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, TypeVar

import httpcore

from lockgate_sandbox._line import copies
from lockgate_sandbox.broker._addresses import Pins
from lockgate_sandbox.broker._dial import connect_to
from lockgate_sandbox.broker._quota import Meters, QuotaError
from lockgate_sandbox.grants import HostGrant

__all__ = ["Flow", "PinnedNetwork"]

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_WRITE_BYTES = 65_536


class Flow(Protocol):
    """The exchange that a thread is running."""

    grant: HostGrant
    meters: Meters
    deadline: float
    socket: socket.socket | None

    def check(self) -> None:
        """Raise if the exchange is to end."""
        ...

    def heard(self, count: int) -> None:
        """Count what came in; raise if it is too much before an answer begins."""
        ...


class PinnedNetwork(httpcore.NetworkBackend):
    """Opens connections for the exchange of the calling thread."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._local = threading.local()

    def enter(self, flow: Flow) -> None:
        """What this thread opens from now on is for `flow`."""
        self._local.flow = flow

    @property
    def flow(self) -> Flow:
        """The exchange of the calling thread."""
        found: Flow = self._local.flow
        return found

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to where the exchange's grant leads; `host` only names it."""
        del local_address, socket_options
        flow = self.flow
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        seconds = (
            _CONNECT_SECONDS if timeout is None else min(timeout, _CONNECT_SECONDS)
        )
        for address in self._pins.addresses(flow.grant):
            flow.check()
            try:
                sock = connect_to(address, port, min(seconds, _left(flow)))
            except TimeoutError:
                last = httpcore.ConnectTimeout(f"no answer from {host}:{port}")
            except OSError as error:
                last = httpcore.ConnectError(f"{host}:{port}: {error.strerror}")
            else:
                return _Stream(self, sock)
        raise last


def _left(flow: Flow) -> float:
    return max(flow.deadline - time.monotonic(), 0.0)


class _Stream(httpcore.NetworkStream):
    """One connection; its bytes are taken from the meters before they move."""

    def __init__(self, network: PinnedNetwork, sock: socket.socket) -> None:
        self._network = network
        self._socket = sock
        self._poll = select.poll()
        network.flow.socket = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most `max_bytes`; empty at the end."""
        flow = self._network.flow
        flow.socket = self._socket

        def receive() -> bytes:
            amount = flow.meters.reserve(max_bytes)
            data = b""
            try:
                data = self._socket.recv(amount)
            except ssl.SSLZeroReturnError:
                pass
            finally:
                flow.meters.give_back(amount - len(data))
            return data

        late = httpcore.ReadTimeout("the server sends nothing")
        data = self._io(flow, receive, select.POLLIN, timeout, late)
        if not data:
            flow.check()  # an end that we made is no end of a body
        flow.heard(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        flow = self._network.flow
        flow.socket = self._socket
        rest = memoryview(buffer)
        # Never a SIGPIPE to an embedder, where that can be said: TLS knows no flags.
        tls = isinstance(self._socket, ssl.SSLSocket)
        flags = 0 if tls else socket.MSG_NOSIGNAL
        late = httpcore.WriteTimeout("the server takes nothing")
        while rest:
            # A TLS write that waits is repeated with the very same bytes.
            part = rest[: flow.meters.reserve(min(len(rest), _WRITE_BYTES))]
            sent = 0
            try:
                sent = self._io(
                    flow,
                    partial(self._socket.send, part, flags),
                    select.POLLOUT,
                    timeout,
                    late,
                )
            finally:
                flow.meters.give_back(len(part) - sent)
            rest = rest[sent:]

    def _io(
        self,
        flow: Flow,
        act: Callable[[], T],
        events: int,
        timeout: float | None,
        late: Exception,
    ) -> T:
        while True:
            flow.check()
            if _left(flow) <= 0:  # who always has something to say is never waited for
                raise late
            try:
                return act()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as e:
                wanted = events
                if isinstance(e, ssl.SSLWantReadError):
                    wanted = select.POLLIN
                elif isinstance(e, ssl.SSLWantWriteError):
                    wanted = select.POLLOUT
            except QuotaError:
                raise
            except OSError as error:
                flow.check()  # it may be we who closed it
                kind = (
                    httpcore.ReadError
                    if events == select.POLLIN
                    else httpcore.WriteError
                )
                raise kind(_words(error)) from error
            self._wait(flow, wanted, timeout, late)

    def _wait(
        self, flow: Flow, events: int, timeout: float | None, late: Exception
    ) -> None:
        seconds = _left(flow) if timeout is None else min(timeout, _left(flow))
        self._poll.register(self._socket, events)
        if seconds <= 0 or not self._poll.poll(seconds * 1000):
            flow.check()
            raise late

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, to the granted name whatever was asked."""
        del server_hostname
        flow = self._network.flow
        wrapped = copies.alone(
            lambda: ssl_context.wrap_socket(
                self._socket,
                server_hostname=flow.grant.host,
                do_handshake_on_connect=False,
            )
        )
        stream = _Stream(self._network, wrapped)
        late = httpcore.ConnectTimeout("the TLS handshake takes too long")
        try:
            stream._io(flow, wrapped.do_handshake, select.POLLIN, timeout, late)
        except httpcore.ReadError as error:
            stream.close()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            stream.close()
            raise
        return stream

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a connection that rests in the pool."""
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "is_readable":
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return bool(poll.poll(0))
        return None

    def close(self) -> None:
        """Close the connection. May be repeated."""
        self._socket.close()


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return error.strerror or str(error)

"""HTTP for a worker: its requests, checked, sent by the host, handed back in pieces.

No redirect is followed here: the worker's own client follows it with a new request,
which is checked like any other. No cookie is kept, no proxy and no variable of the
host's environment is used.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

import httpcore
import httpx

from lockgate_sandbox.broker._addresses import Pins
from lockgate_sandbox.broker._crumbs import Crumbs
from lockgate_sandbox.broker._exchange import Exchange, Head
from lockgate_sandbox.broker._gate import Gate, name_of, new_number
from lockgate_sandbox.broker._pinned import PinnedNetwork
from lockgate_sandbox.broker._quota import QuotaError
from lockgate_sandbox.broker._refusal import RefusedError
from lockgate_sandbox.broker._rule import RuleError, same_header
from lockgate_sandbox.broker._said_methods import Scan, scan_for
from lockgate_sandbox.broker._scrub import Scrub
from lockgate_sandbox.broker._web_rules import WebRequest, choose, narrowest
from lockgate_sandbox.errors import Data
from lockgate_sandbox.grants import HostGrant

__all__ = ["Web"]

_AT_ONCE = 16
"""Exchanges of one worker under way: each has a thread of the host's."""

_OPEN_AT_ONCE = 64
"""Those that have ended included, until the worker has read them to the end: what
it has not read lies here."""

_PIECE_BYTES = 1 << 20

Arguments = dict[str, Data]


class Web:
    """Answers a worker's ``http.*`` requests. Thread-safe.

    `reveal` gives a secret's value for injection; `trust` is whom TLS believes, by
    default the roots that httpx ships.
    """

    def __init__(
        self,
        gate: Gate,
        pins: Pins,
        reveal: Callable[[str], str],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._gate = gate
        self._pins = pins
        self._reveal = reveal
        self._network = PinnedNetwork(pins)
        self._crumbs = Crumbs()
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust or httpx.create_ssl_context(trust_env=False),
            max_connections=_AT_ONCE,
            max_keepalive_connections=8,
            keepalive_expiry=30.0,
            network_backend=self._network,
        )
        self._lock = threading.Lock()
        self._open: dict[int, Exchange] = {}
        self._running = 0

    @property
    def callbacks(self) -> dict[str, Callable[[Arguments], Data]]:
        """What the worker's transport asks for."""
        return {
            "broker.http.open": self._begin,
            "broker.http.write": self._write,
            "broker.http.head": self._ask_head,
            "broker.http.read": self._read,
            "broker.http.close": self._give_up,
        }

    def close(self) -> None:
        """End every exchange and close every connection."""
        with self._lock:
            exchanges = list(self._open.values())
            self._open.clear()
        for exchange in exchanges:
            exchange.cancel()
        self._pool.close()

    # -- callbacks ---------------------------------------------------------------------

    def _begin(self, arguments: Arguments) -> Data:
        try:
            request = _request(arguments)
        except RuleError as error:
            raise self._gate.refuse(
                "net", _place(arguments), str(error), wanted=""
            ) from None
        grant, why = choose(request, self._gate.hosts())
        if grant is None:
            wanted = narrowest(request, self._gate.hosts())
            raise self._gate.refuse("net", request.describe(), why, wanted=wanted)
        try:
            self._gate.meters(grant).take_request()
            exchange = self._start(request, grant)
        except QuotaError as error:
            raise self._gate.out_of(error, grant, request.describe()) from None
        number = self._keep(exchange)
        head = None
        if request.length == 0:
            with self._failing(number):
                head = exchange.head()
        return {"id": number, **_head(head)}

    def _admit(self, request: WebRequest, grant: HostGrant) -> None:
        """Look where the name leads, and record what is done; may take its time."""
        try:
            self._pins.addresses(grant)
        except PermissionError as error:
            wanted = f"{request.host}:{request.port} private"
            raise self._gate.refuse(
                "net", request.describe(), str(error), wanted=wanted
            ) from None
        self._gate.allow(grant, request.describe())

    def _looks(
        self, request: WebRequest, grant: HostGrant
    ) -> Callable[[bytes, bool], None]:
        """What looks at a body whose method is all that the grant gives.

        Raises:
            RefusedError: If it can't be looked at.
        """
        if not grant.methods or request.length == 0:
            return _nothing_said
        try:
            scan = scan_for(request.headers)
        except RuleError as error:
            raise self._refused(request, grant, error) from None
        if scan is None:
            return _nothing_said
        return partial(self._look, request, grant, scan)

    def _look(
        self,
        request: WebRequest,
        grant: HostGrant,
        scan: Scan,
        data: bytes,
        last: bool,
    ) -> None:
        try:
            scan.feed(data, last=last)
        except RuleError as error:
            raise self._refused(request, grant, error) from None

    def _refused(
        self, request: WebRequest, grant: HostGrant, error: RuleError
    ) -> RefusedError:
        # Nobody looks into a body where every method is granted.
        wanted = name_of(replace(grant, methods=()))
        return self._gate.refuse("net", request.describe(), str(error), wanted=wanted)

    def _start(self, request: WebRequest, grant: HostGrant) -> Exchange:
        headers, scrub = self._headers(request, grant)
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=request.scheme.encode(),
                host=request.host.encode(),
                port=request.port,
                target=request.target(grant).encode(),
            ),
            headers=[(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers],
        )
        exchange = Exchange(
            sent,
            grant,
            self._gate.meters(grant),
            admit=partial(self._admit, request, grant),
            short=lambda error: self._gate.out_of(error, grant, request.describe()),
            look=self._looks(request, grant),
            scrub=scrub,
            crumbs=self._crumbs,
            has_body=request.length != 0,
        )
        exchange.use = self._gate.hold(grant, exchange.cancel)
        with self._lock:
            full = self._running >= _AT_ONCE or len(self._open) >= _OPEN_AT_ONCE
            self._running += not full
        if full:
            self._gate.release(exchange.use)
            raise QuotaError(
                "requests under way or unread at once", _AT_ONCE, "this worker"
            )
        threading.Thread(
            target=exchange.run,
            args=(self._pool, self._network, self._ended),
            name="lockgate-http",
            daemon=True,
        ).start()
        return exchange

    def _headers(
        self, request: WebRequest, grant: HostGrant
    ) -> tuple[list[tuple[str, str]], Scrub]:
        """What is sent: Host and framing by us, then the worker's, then the secret."""
        headers = [("Host", request.authority)]
        if request.length != 0 and (grant.methods or grant.paths or grant.credential):
            # A server that leaves a body unread takes it for the next request, which
            # nobody judged; on a connection that ends there is none.
            headers.append(("Connection", "close"))
        if request.length is None:
            headers.append(("Transfer-Encoding", "chunked"))
        elif request.length or request.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(request.length)))
        credential = grant.credential
        if credential is None:
            return [*headers, *request.headers], Scrub()
        value = self._reveal(credential.secret)
        drop = {same_header(credential.header), "accept-encoding"}
        headers += [
            item for item in request.headers if same_header(item[0]) not in drop
        ]
        # So that the answer can be looked through for an echo of it.
        headers.append(("Accept-Encoding", "identity"))
        headers.append((credential.header, credential.form.replace("{}", value)))
        return headers, Scrub([value])

    def _keep(self, exchange: Exchange) -> int:
        with self._lock:
            number = new_number()
            self._open[number] = exchange
            return number

    def _ended(self, exchange: Exchange, reason: str) -> None:
        with self._lock:
            self._running -= 1
        if exchange.use is not None:
            self._gate.release(exchange.use)
        if exchange.admitted:
            self._gate.allow(
                exchange.grant, exchange.grant.origin, reason=reason, end=exchange.moved
            )

    def _write(self, arguments: Arguments) -> Data:
        data, last = arguments.get("data"), arguments.get("last")
        if not isinstance(data, bytes) or len(data) > _PIECE_BYTES:
            msg = "a piece of a body is up to 1 MiB of bytes"
            raise ValueError(msg)
        number = _number(arguments)
        with self._failing(number):
            return self._of(number).write(data, last=last is True)

    def _ask_head(self, arguments: Arguments) -> Data:
        number = _number(arguments)
        with self._failing(number):
            return _head(self._of(number).head())

    def _read(self, arguments: Arguments) -> Data:
        number = _number(arguments)
        with self._failing(number):
            data, end = self._of(number).read()
        if end:
            self._forget(number)
        return {"data": data, "end": end}

    def _give_up(self, arguments: Arguments) -> Data:
        self.give_up(_number(arguments))
        return None

    def holds(self, number: int) -> bool:
        """Whether there is a exchange of this number."""
        with self._lock:
            return number in self._open

    def give_up(self, number: int) -> None:
        """End the exchange of this number, if there is one."""
        exchange = self._forget(number)
        if exchange is not None:
            exchange.cancel()

    @contextmanager
    def _failing(self, number: int) -> Generator[None]:
        """An exchange that fails in the ``with`` block has said its last word."""
        try:
            yield
        except BaseException:
            self.give_up(number)
            raise

    def _of(self, number: int) -> Exchange:
        with self._lock:
            exchange = self._open.get(number)
        if exchange is None:
            msg = "no such exchange"
            raise LookupError(msg)
        return exchange

    def _forget(self, number: int) -> Exchange | None:
        with self._lock:
            return self._open.pop(number, None)


def _number(arguments: Arguments) -> int:
    number = arguments.get("id")
    return number if type(number) is int else -1


def _nothing_said(_data: bytes, _last: bool) -> None:
    """The body is of no type that a method is read from."""


def _head(head: Head | None) -> dict[str, Data]:
    if head is None:
        return {"status": None, "headers": None}
    return {"status": head[0], "headers": [[name, value] for name, value in head[1]]}


def _place(arguments: Arguments) -> str:
    parts = [arguments.get(name) for name in ("scheme", "host")]
    return "://".join(part for part in parts if isinstance(part, str))


def _request(arguments: Arguments) -> WebRequest:
    """The worker's request from its parts.

    Raises:
        RuleError: If a part is missing, of another type, or breaks a rule.
    """
    shape = {"method": str, "scheme": str, "host": str, "port": int, "target": str}
    given: dict[str, Any] = {name: arguments.get(name) for name in shape}
    pairs = arguments.get("headers")
    length = arguments.get("length")
    fits = all(type(given[name]) is kind for name, kind in shape.items())
    if not fits or not isinstance(pairs, list) or type(length) not in (int, type(None)):
        msg = "a request has method, scheme, host, port, target, headers and length"
        raise RuleError(msg)
    headers: list[tuple[str, str]] = []
    for pair in pairs:
        match pair:
            case [str() as name, str() as value]:
                headers.append((name, value))
            case _:
                msg = "a header is a name and a value"
                raise RuleError(msg)
    return WebRequest.checked(
        **given, headers=headers, length=cast("int | None", length)
    )

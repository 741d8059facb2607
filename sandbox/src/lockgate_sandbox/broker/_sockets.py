"""Connections for a worker's own clients: dialled by the host, relayed byte by byte.

TLS hides what is inside, so only grants about host, port and bytes are carried out
here; one that says more belongs to the HTTP transport and is refused with its name.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import cast

from lockgate_sandbox._line import copies
from lockgate_sandbox._spelling.hostname import canonical_host
from lockgate_sandbox._watch.descriptors import room_for
from lockgate_sandbox.broker._addresses import Pins
from lockgate_sandbox.broker._dial import connect_to
from lockgate_sandbox.broker._gate import Gate, Use, new_number
from lockgate_sandbox.broker._quota import QuotaError
from lockgate_sandbox.broker._relay import Relay, Relays
from lockgate_sandbox.callbacks import Passed
from lockgate_sandbox.errors import Data, HostDescriptorsError, PolicyError
from lockgate_sandbox.grant_text import write_host_grant
from lockgate_sandbox.grants import HostGrant

__all__ = ["Sockets"]

_AT_ONCE = 64
"""Connections of one worker, those that are being made included."""

_DIAL_SECONDS = 30.0
_SLICE_SECONDS = 0.05

Arguments = dict[str, Data]


class _DialError(OSError):
    """Why there is no connection; `code` names the exception that the worker raises."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Dial:
    """A connection being made on a thread of its own."""

    def __init__(self, grant: HostGrant, port: int, seconds: float) -> None:
        self.grant = grant
        self.port = port
        self.deadline = time.monotonic() + seconds
        self.done = threading.Event()
        self.error: Exception | None = None
        self.theirs: socket.socket | None = None
        """The worker's half until it is collected."""
        self.given_up = False


class Sockets:
    """Answers a worker's ``net.*`` requests. Thread-safe."""

    def __init__(self, gate: Gate, pins: Pins) -> None:
        self._gate = gate
        self._pins = pins
        self._relays = Relays()
        self._lock = threading.Lock()
        self._dials: dict[int, _Dial] = {}
        self._uses: dict[Relay, Use] = {}
        self._running = 0

    @property
    def callbacks(self) -> dict[str, Callable[[Arguments], object]]:
        """What the worker's socket module asks for."""
        return {"broker.net.open": self._open, "broker.net.wait": self._wait}

    def close(self) -> None:
        """End all connections."""
        self._relays.close()
        with self._lock:
            dials = list(self._dials.values())
            self._dials.clear()
        for dial in dials:
            if dial.theirs is not None:
                dial.theirs.close()

    def _open(self, arguments: Arguments) -> Data:
        host, port = arguments.get("host"), arguments.get("port")
        seconds = arguments.get("timeout")
        if not isinstance(host, str) or type(port) is not int:
            msg = "a connection has host and port"
            raise ValueError(msg)
        if not isinstance(seconds, int | float) or not 0 < seconds < _DIAL_SECONDS:
            seconds = _DIAL_SECONDS
        grant, name = self._granted(host, port)
        dial = _Dial(grant, port, seconds)
        try:
            self._gate.meters(grant).take_request()
            number = self._enter(dial)
        except QuotaError as error:
            raise self._gate.out_of(error, grant, name) from None
        threading.Thread(
            target=self._dial, args=(dial, name), name="lockgate-dial", daemon=True
        ).start()
        return number

    def _granted(self, host: str, port: int) -> tuple[HostGrant, str]:
        place = f"{host}:{port}"
        try:
            name = canonical_host(host)
        except PolicyError as error:
            raise self._gate.refuse("net", place, str(error), wanted="") from None
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        near = [
            item
            for item in self._gate.hosts()
            if item.host == name and port in item.ports
        ]
        for grant in near:
            if grant.bytes_only:
                return grant, place
        if near:
            why = (
                f"the grant ({near[0].describe()}) is for HTTP requests, which a "
                "socket would hide: use httpx with transport=session.http_transport()"
            )
            # Bytes have no methods and paths, so that would be a wider grant.
            wide = HostGrant(name, (port,), allow_private=near[0].allow_private)
            wanted = write_host_grant(wide)
            raise self._gate.refuse("net", place, why, wanted=wanted)
        raise self._gate.refuse("net", place, "no grant names this host and port")

    def _enter(self, dial: _Dial) -> int:
        with self._lock:
            if max(self._running, len(self._dials)) >= _AT_ONCE:
                raise QuotaError("connections at once", _AT_ONCE, "this worker")
            self._running += 1
            number = new_number()
            self._dials[number] = dial
            return number

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1

    def holds(self, number: int) -> bool:
        """Whether there is a connection of this number that was not collected."""
        with self._lock:
            return number in self._dials

    def give_up(self, number: int) -> None:
        """Let go of a connection that was not collected, if there is one."""
        with self._lock:
            dial = self._dials.pop(number, None)
            if dial is None:
                return
            dial.given_up = True
        if dial.theirs is not None:
            dial.theirs.close()

    def _hand(self, dial: _Dial, theirs: socket.socket) -> None:
        with self._lock:
            if not dial.given_up:
                dial.theirs = theirs
                return
        theirs.close()

    def _wait(self, arguments: Arguments) -> object:
        number = cast("int", arguments.get("id"))
        with self._lock:
            dial = self._dials.get(number)
        if dial is None:
            msg = "no such connection"
            raise LookupError(msg)
        if not dial.done.wait(_SLICE_SECONDS):
            return False
        with self._lock:
            found = self._dials.pop(number, None)
        if dial.error is not None:
            raise dial.error
        if found is None or found.theirs is None:  # another thread was quicker
            msg = "no such connection"
            raise LookupError(msg)
        return Passed(True, [found.theirs.detach()])

    # -- on the dial's own thread -----------------------------------------------------

    def _dial(self, dial: _Dial, place: str) -> None:
        try:
            far = self._connect(dial, place)
            try:
                self._gate.allow(dial.grant, place)
                self._hand(dial, self._relay(dial.grant, far, place))
            except BaseException:
                far.close()
                raise
        except Exception as error:
            if isinstance(error, HostDescriptorsError):
                self._gate.refuse("net", place, str(error), wanted="")
                error = _DialError("connect-failed", str(error))
            dial.error = error
            self._leave()
        dial.done.set()

    def _connect(self, dial: _Dial, place: str) -> socket.socket:
        try:
            addresses = self._pins.addresses(dial.grant)
        except PermissionError as error:
            wanted = f"{place} private"
            raise self._gate.refuse("net", place, str(error), wanted=wanted) from None
        except OSError:
            msg = f"{dial.grant.host} has no address"
            raise _DialError("name-unknown", msg) from None
        last = _DialError("connect-timeout", f"no answer from {place}")
        for address in addresses:
            left = dial.deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return connect_to(address, dial.port, left)
            except TimeoutError:
                pass
            except OSError as error:
                last = _DialError("connect-failed", error.strerror or str(error))
        raise last

    def _relay(self, grant: HostGrant, far: socket.socket, place: str) -> socket.socket:
        with room_for(2, "a connection"):
            near, theirs = copies.pair(socket.SOCK_STREAM)
        relay = Relay(
            near,
            far,
            self._gate.meters(grant),
            idle_seconds=grant.seconds,
            ended=lambda relay, reason: self._ended(relay, grant, reason),
            short=lambda error: self._gate.out_of(error, grant, place),
        )

        def revoked() -> None:
            self._relays.end(relay, "the grant was taken back")

        try:
            self._uses[relay] = self._gate.hold(grant, revoked)
            self._relays.add(relay)
        except BaseException:
            self._uses.pop(relay, None)
            relay.discard()
            theirs.close()
            raise
        return theirs

    def _ended(self, relay: Relay, grant: HostGrant, reason: str) -> None:
        self._gate.release(self._uses.pop(relay))
        self._leave()
        self._gate.allow(grant, grant.origin, reason=reason, end=relay.moved)

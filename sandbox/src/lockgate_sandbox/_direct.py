"""The short way of a call: small, plain, and nothing else under way.

The same steps as in `Line`, which everything else is left to: an id that can't be
guessed, a frame looked at before anything is built from it, limits, what was printed
and used. What it needs is at hand here, because the processor is quicker with such a
call than with looking all of it up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from lockgate_sandbox._buffers import is_flat
from lockgate_sandbox._flights import Flight
from lockgate_sandbox._frame import LENGTH, PACKET_BYTES, Kind
from lockgate_sandbox._wire import NO_SIGNAL

if TYPE_CHECKING:
    import threading
    from typing import Protocol

    from lockgate_sandbox._burial import Burial
    from lockgate_sandbox._flights import Flights
    from lockgate_sandbox._output import Output
    from lockgate_sandbox._sender import Sender
    from lockgate_sandbox._vigil import Vigil
    from lockgate_sandbox._wire import Channel
    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.replies import Ledger, Reply

    class Line(Protocol):
        """The ordinary way, and its parts."""

        burial: Burial
        channel: Channel
        flights: Flights
        output: Output
        reading: threading.RLock
        sender: Sender
        vigil: Vigil

        def call(self, method: str, arguments: Any, timeout: float | None) -> Reply: ...
        def take_for(self, flight: Flight, frame: list[Any]) -> None: ...
        def hand_on(self, mine: Flight | None = None) -> None: ...
        def finish(self, flight: Flight, started: float) -> Reply: ...
        def broken(self, error: BaseException) -> SandboxError: ...
        def wait(self) -> None: ...


__all__ = ["Direct"]

_CALL, _REPLY = int(Kind.CALL), int(Kind.REPLY)
_AT_ONCE = False  # what `acquire` is told
_now, _pack = time.monotonic, LENGTH.pack

_DIRECT_BYTES = PACKET_BYTES - LENGTH.size
"""A longer frame takes the ordinary way."""


class Direct:
    """Calls the worker of `line` while nothing is in the way.

    `wall` is the policy's seconds for a call, `limit` its bytes for a message.
    """

    __slots__ = (
        "_acquire_reading",
        "_acquire_sending",
        "_burial",
        "_encode",
        "_ids",
        "_limit",
        "_line",
        "_receive",
        "_release_reading",
        "_release_sending",
        "_send",
        "_settle",
        "_table",
        "_vigil",
        "_wait",
        "_waiting",
        "_wall",
    )

    def __init__(self, line: Line, ledger: Ledger, wall: float, limit: int) -> None:
        self._line = line
        self._wall = wall
        self._limit = min(limit, _DIRECT_BYTES)
        self._burial = line.burial
        self._vigil = line.vigil
        self._table = line.flights.table
        self._ids = line.flights.ids
        self._send = line.channel.socket.send
        self._receive = line.channel.receive
        self._wait = line.wait
        self._waiting = line.output.waiting
        self._settle = ledger.settle
        self._encode = msgpack.Encoder().encode
        self._acquire_sending = line.sender.lock.acquire
        self._release_sending = line.sender.lock.release
        self._acquire_reading = line.reading.acquire
        self._release_reading = line.reading.release

    def call(self, method: str, arguments: Any, timeout: float | None) -> Reply:
        """One call from its question to its reply.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        started = _now()
        wall = self._wall if timeout is None or timeout > self._wall else timeout
        flight = self._ask(method, arguments, started, wall)
        if flight is None:
            return self._line.call(method, arguments, timeout)
        frame: Any = None
        if self._acquire_reading(_AT_ONCE):
            try:
                if not (flight.done or flight.asks):  # else another thread has read it
                    came = self._receive(self._wait)
                    if came[0] == _REPLY and len(came) == 3 and came[1] == flight.call:
                        del self._table[flight.call]
                        flight.answer = frame = came
                        flight.done = True
                    else:
                        self._line.take_for(flight, came)
            except BaseException as error:
                self._burial.after(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                self._release_reading()
        if frame is None or flight.fate or self._table or self._waiting():
            self._line.hand_on(flight)
            return self._line.finish(flight, started)
        return self._settle(frame[2], started)

    def _ask(
        self, method: str, arguments: Any, started: float, wall: float
    ) -> Flight | None:
        """Send the call; None, and nothing sent, if the ordinary way is to be taken."""
        table = self._table
        if table or self._burial.closed or started > self._vigil.unwatched_from:
            return None
        if (
            not self._ids
            or not is_flat(arguments)
            or not self._acquire_sending(_AT_ONCE)
        ):
            return None
        flight = Flight(self._ids.pop(), wall, started + wall)
        try:
            packet = self._encode((_CALL, flight.call, method, arguments))
            if len(packet) > self._limit:
                return None
            flight.waited_for = True
            table[flight.call] = flight
            self._send(_pack(len(packet)) + packet, NO_SIGNAL)
        except (TypeError, ValueError, OverflowError, OSError):
            table.pop(flight.call, None)  # the ordinary way tells why
            return None
        except BaseException as error:
            raise self._line.broken(error) from None
        finally:
            self._release_sending()
        return flight

"""The short way of a call: small, plain, and nothing else under way.

The same steps as in `Line`, which everything else is left to: an id that can't be
guessed, a frame looked at before anything is built from it, limits, what was printed
and used. What it needs is at hand here, because the processor is quicker with such a
call than with looking all of it up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._line.row import in_a_row
from lockgate_sandbox._wire.buffers import SCALAR
from lockgate_sandbox._wire.frame import LENGTH, PACKET_BYTES, Kind
from lockgate_sandbox._wire.host_end import decode_plain
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox._wire.wire import NO_SIGNAL, TRUE_LENGTH
from lockgate_sandbox.errors import SandboxError

if TYPE_CHECKING:
    import threading
    from typing import Protocol

    from lockgate_sandbox._line.burial import Burial
    from lockgate_sandbox._line.flights import Flights
    from lockgate_sandbox._line.ledger import Ledger
    from lockgate_sandbox._line.row import Row
    from lockgate_sandbox._line.sender import Sender
    from lockgate_sandbox._line.vigil import Vigil
    from lockgate_sandbox._watch.output import Output
    from lockgate_sandbox._wire.host_end import HostChannel
    from lockgate_sandbox._wire.host_pipe import HostPipe
    from lockgate_sandbox.replies import Reply

    class Line(Protocol):
        """The ordinary way, and its parts."""

        burial: Burial
        channel: HostChannel
        flights: Flights
        output: Output
        reading: threading.RLock
        row: Row | None
        sender: Sender
        vigil: Vigil

        def call(self, method: str, arguments: Any, timeout: float | None) -> Reply: ...
        def until_mail(self, flight: Flight) -> None: ...
        def answer(self, flight: Flight) -> None: ...
        def value_of(self, flight: Flight) -> Any: ...
        def take_for(self, flight: Flight, frame: list[Any]) -> None: ...
        def hand_on(self, mine: Flight | None = None) -> None: ...
        def finish(self, flight: Flight, started: float) -> Reply: ...
        def broken(self, error: BaseException) -> SandboxError: ...
        def wait(self) -> None: ...


__all__ = ["Direct"]

_CALL, _REPLY = int(Kind.CALL), int(Kind.REPLY)
_MANY = 8
"""After so many calls it pays to be quicker with the next."""

_NEVER = -(1 << 62)
_AT_ONCE = False  # what `acquire` is told
_HEAD = LENGTH.size
_now, _pack, _length_of = time.monotonic, LENGTH.pack, LENGTH.unpack_from

_DIRECT_BYTES = PACKET_BYTES - _HEAD
"""A longer frame takes the ordinary way."""

_NOT_AT_ONCE = (BlockingIOError, ConnectionResetError)
_NOT_PLAIN = (ValueError, RecursionError)


class Direct:
    """Calls the worker of `line` while nothing is in the way.

    `wall` is the policy's seconds for a call, `limit` its bytes for a message.
    """

    __slots__ = (
        "_acquire_reading",
        "_acquire_sending",
        "_burial",
        "_calls",
        "_channel",
        "_encode",
        "_ids",
        "_limit",
        "_line",
        "_receive",
        "_release_reading",
        "_release_sending",
        "_room",
        "_send",
        "_settle",
        "_spare",
        "_table",
        "_vigil",
        "_wall",
    )

    def __init__(self, line: Line, ledger: Ledger, wall: float, limit: int) -> None:
        self._line = line
        self._wall = wall
        self._limit = min(limit, _DIRECT_BYTES)
        self._burial = line.burial
        self._vigil = line.vigil
        self._channel = line.channel
        self._calls = 0
        self._table = line.flights.table
        self._ids = line.flights.ids
        self._send = line.channel.socket.send
        self._receive = line.channel.socket.recv_into
        self._room = line.channel.room
        self._settle = ledger.settle
        self._encode = msgpack.Encoder().encode
        self._acquire_sending = line.sender.lock.acquire
        self._release_sending = line.sender.lock.release
        self._acquire_reading = line.reading.acquire
        self._release_reading = line.reading.release
        # One for all of these calls: another thread that has seen it has a call of
        # its own under way, and then it is not used again.
        self._spare: Flight | None = None

    def call(self, method: str, arguments: Any, timeout: float | None) -> Reply:
        """One call from its question to its reply.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        if self._calls == _MANY:
            self._enter_pipe(timeout)
            row = self._line.row
            reply = row and row(method, arguments, timeout)
            if reply is not None:
                return reply
        started = _now()
        flight = self._ask(method, arguments, timeout, started)
        if flight is None:
            return self._line.call(method, arguments, timeout)
        frame: Any = None
        if self._acquire_reading(_AT_ONCE):
            try:
                if not (flight.done or flight.asks):  # else another thread has read it
                    frame = self._take(flight)
            except BaseException as error:
                self._burial.after(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                self._release_reading()
        usual = not flight.fate and not self._table and self._nothing_printed()
        if frame is None or not usual:
            return self._rest(flight, started, frame)
        self._spare = flight
        return self._settle(frame[2], started)

    def _ask(
        self, method: str, arguments: Any, timeout: float | None, started: float
    ) -> Flight | None:
        """Send the call; None, and nothing sent, if the ordinary way is to be taken."""
        if (
            self._table
            or self._burial.closed
            or started > self._vigil.unwatched_from
            or not self._ids
            or type(arguments) is not dict
        ):
            return None
        for key, item in arguments.items():  # pyright: ignore[reportUnknownVariableType]
            if type(key) is not str or type(item) not in SCALAR:  # pyright: ignore
                return None  # `is_flat`: a call less
        if not self._acquire_sending(_AT_ONCE):
            return None
        table = self._table
        flight, self._spare = self._spare, None
        wall = self._wall if timeout is None or timeout > self._wall else timeout
        call = self._ids.pop()
        if flight is None:
            flight = Flight(call, wall, started + wall)
            flight.waited_for = True
        else:
            flight.call, flight.wall, flight.deadline = call, wall, started + wall
            flight.done = False
        try:
            packet = self._encode((_CALL, call, method, arguments))
            if len(packet) > self._limit:
                return None
            if table or self._channel.piped:  # another thread's, just now
                return None
            table[call] = flight
            self._calls += 1
            self._send(_pack(len(packet)) + packet, NO_SIGNAL)
        except (TypeError, ValueError, OverflowError, OSError):
            table.pop(call, None)  # the ordinary way tells why
            return None
        except BaseException as error:
            raise self._line.broken(error) from None
        finally:
            self._release_sending()
        return flight

    def _nothing_printed(self) -> bool:
        try:
            return not self._line.output.waiting()
        except OSError:  # closed by another thread, just now
            return False

    def _rest(self, flight: Flight, started: float, frame: Any) -> Reply:
        """Go on the ordinary way with a call of which `frame`, or nothing, has come."""
        if frame is not None:
            flight.answer = frame
        self._line.hand_on(flight)
        return self._line.finish(flight, started)

    def _enter_pipe(self, timeout: float | None) -> None:
        """Have the worker read its calls from a pipe, until a frame comes otherwise.

        It costs much less than the socket does. Whoever calls with a `timeout` waits
        no longer for this than for the call.

        Raises:
            SandboxError: If the worker does not answer properly; it is dead then,
                unless it was only too late.
        """
        self._calls = _NEVER
        line, now = self._line, _now()
        wall = self._wall if timeout is None or timeout > self._wall else timeout
        flight = line.flights.open(wall, now + wall)
        flight.waited_for = True
        try:
            entered = line.sender.enter_pipe(flight.call, self._table, line.output.fd)
        except BaseException as error:
            raise line.broken(error) from None
        if entered:
            if self._is_taken(flight):
                self._calls = 0
                self._use(self._channel.pipe)
            else:  # it has no descriptor left
                self._channel.drop_pipe()
        else:
            self._table.pop(flight.call, None)
            if entered is None:  # not now
                self._calls = 0

    def _is_taken(self, flight: Flight) -> bool:
        """What the worker answers to the PIPE of `flight`.

        Raises:
            SandboxError: If that is neither yes nor no.
        """
        line = self._line
        while not flight.done:
            line.until_mail(flight)
            line.answer(flight)
        line.flights.answer_taken(flight)
        told: Any = flight.answer
        answer: Any = line.value_of(flight)
        if type(answer) is bool and told[0] == _REPLY:
            return answer
        if isinstance(answer, SandboxError) and not isinstance(told, Sequence):
            raise answer
        if flight.fate is not None:
            raise flight.fate
        raise line.broken(FrameError("a PIPE that is answered by neither yes nor no"))

    def _use(self, pipe: HostPipe | None) -> None:
        if self._line.row is None and pipe is not None:
            self._line.row = in_a_row(
                self._line,
                pipe,
                wall=self._wall,
                most=min(self._limit, pipe.call_bytes),
                by_socket=self._take,
                settle=self._settle,
                rest=self._rest,
            )

    def _take(self, flight: Flight) -> Any:
        """The plain answer of `flight`; None if something else came and was taken."""
        room, size, call = self._room, -1, flight.call
        try:
            size = self._receive(room, PACKET_BYTES, TRUE_LENGTH)
            if _HEAD < size <= PACKET_BYTES and _length_of(room)[0] == size - _HEAD:
                came = decode_plain(room[_HEAD:size])
                if came[0] == _REPLY and came[1] == call:
                    del self._table[call]
                    flight.done = True
                    return came
        except _NOT_AT_ONCE:
            self._line.wait()
        except _NOT_PLAIN:
            pass  # `read` looks at it from the start
        channel, wait = self._line.channel, self._line.wait
        came = channel.receive(wait) if size < 0 else channel.read(size, wait)
        self._line.take_for(flight, came)
        return None

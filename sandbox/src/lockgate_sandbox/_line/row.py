"""Calls in a row, by the pipes: the shortest way of all (records 246 and 251).

The same steps as in `_line.direct`, in functions that have at hand what they need:
an id that can't be guessed, an answer looked at before anything is built from it,
limits, what was printed and used. One system call waits for the answer and tells
whether something was printed; nothing here waits longer than the socket would.
"""

from __future__ import annotations

import os
import time
from select import EPOLLIN
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import msgpack

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._wire.buffers import SCALAR
from lockgate_sandbox._wire.frame import LENGTH, Kind
from lockgate_sandbox._wire.host_end import decode_plain
from lockgate_sandbox._wire.scan import FrameError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Protocol

    from lockgate_sandbox._line.burial import Burial
    from lockgate_sandbox._line.flights import Flights
    from lockgate_sandbox._line.sender import Sender
    from lockgate_sandbox._line.vigil import Vigil
    from lockgate_sandbox._wire.host_end import HostChannel
    from lockgate_sandbox._wire.host_pipe import HostPipe
    from lockgate_sandbox.errors import Data
    from lockgate_sandbox.replies import Reply

    Row: TypeAlias = Callable[[str, Any, float | None], Reply | None]
    """One call; None, and nothing sent, if another way is to be taken."""

    class Line(Protocol):
        """The ordinary way, and its parts."""

        burial: Burial
        channel: HostChannel
        flights: Flights
        reading: threading.RLock
        sender: Sender
        vigil: Vigil

        def take_for(self, flight: Flight, frame: list[Any]) -> None: ...
        def wait(self) -> None: ...


__all__ = ["in_a_row"]

_CALL, _REPLY = int(Kind.CALL), int(Kind.REPLY)
_QUICK_SECONDS = 0.002
"""How long an answer is just waited for, as the socket does by itself."""

_EARS = 4  # what can be heard at once, and one
_AT_ONCE = False  # what `acquire` is told
_UNSENDABLE = (TypeError, ValueError, OverflowError, RecursionError)
_NOT_PLAIN = (ValueError, RecursionError)


def in_a_row(
    line: Line,
    pipe: HostPipe,
    *,
    wall: float,
    most: int,
    by_socket: Callable[[Flight], Any],
    settle: Callable[[Data, float], Reply],
    rest: Callable[[Flight, float, Any], Reply],
) -> Row:
    """The function that calls the worker of `line` by `pipe`.

    `wall` is the policy's seconds for a call, `most` the bytes of one. What only the
    socket has said goes on with `by_socket`, what is not answered at once with `rest`.
    """
    # One flight for all of these calls: whoever reads has it.
    spare: list[Flight] = []
    ask = _asking(line, pipe, wall, most, spare)
    hear = _hearing(line, pipe, by_socket)
    burial, vigil, table = line.burial, line.vigil, line.flights.table
    acquire, release, now = line.reading.acquire, line.reading.release, time.monotonic

    def call(method: str, arguments: Any, timeout: float | None) -> Reply | None:
        started = now()
        if table or started > vigil.unwatched_from or not acquire(_AT_ONCE):
            return None
        frame: Any = None
        flight: Flight | None = None
        try:
            flight = ask(method, arguments, timeout, started)
            if flight is not None:
                frame = hear(flight)
        except BaseException as error:
            burial.after(error)
            if not isinstance(error, Exception):
                raise
        finally:
            release()
        if flight is None:
            return None
        if frame is None or table or flight.fate:
            return rest(flight, started, frame)
        spare.append(flight)  # no other thread has seen it, or will look at it again
        return settle(frame[2], started)

    return call


def _asking(
    line: Line, pipe: HostPipe, wall: float, most: int, spare: list[Flight]
) -> Callable[[str, Any, float | None, float], Flight | None]:
    """The function that sends a call, or gives None and has sent nothing.

    What it raises is the worker's end.
    """
    channel, flights, calls = line.channel, line.flights, pipe.calls
    table, ids, encode = flights.table, flights.ids, msgpack.Encoder().encode
    acquire, release = line.sender.lock.acquire, line.sender.lock.release
    write = os.write

    def ask(
        method: str, arguments: Any, timeout: float | None, started: float
    ) -> Flight | None:
        if type(arguments) is not dict:
            return None
        for key, item in arguments.items():  # pyright: ignore[reportUnknownVariableType]
            if type(key) is not str or type(item) not in SCALAR:  # pyright: ignore
                return None  # `is_flat`: a call less
        ident = ids.pop() if ids else flights.fresh_id()
        try:
            packet = encode((_CALL, ident, method, arguments))
        except _UNSENDABLE:
            return None  # the ordinary way tells why
        if len(packet) > most or not acquire(_AT_ONCE):
            return None
        try:
            # Looked at again, so that there is one by the pipe at most.
            if table or channel.beside or not channel.piped:  # closed, it is not piped
                return None
            flight = spare.pop() if spare else _flight()
            seconds = wall if timeout is None or timeout > wall else timeout
            flight.call, flight.done = ident, False
            flight.wall, flight.deadline = seconds, started + seconds
            channel.owed, table[ident] = ident, flight
            if write(calls, packet) == len(packet):
                return flight
        except BlockingIOError:
            pass
        finally:
            release()
        msg = "what came by the pipe is not read"
        raise FrameError(msg)

    return ask


def _hearing(
    line: Line, pipe: HostPipe, by_socket: Callable[[Flight], Any]
) -> Callable[[Flight], Any]:
    """The function that takes the answer of a call that went by the pipe.

    It gives None if something else came and was taken, or nothing yet.
    """
    channel, table = line.channel, line.flights.table
    hear, read = pipe.ear.poll, pipe.answers.readinto
    # What is heard when an answer has come and nothing was printed, by either way.
    answered = [(pipe.answers.fileno(), EPOLLIN)]
    socket = channel.socket.fileno()
    answered_beside = [(socket, EPOLLIN)]
    room = channel.room[LENGTH.size :]

    def take(flight: Flight) -> Any:
        heard = hear(_QUICK_SECONDS, _EARS)
        if heard != answered:
            if heard == answered_beside:
                return by_socket(flight)
            channel.beside = any(fd == socket for fd, _ in heard)
            line.take_for(flight, channel.receive(line.wait))
            return None
        size = read(room) or 0
        try:
            frame = decode_plain(room[:size])
            if frame[0] == _REPLY and frame[1] == flight.call:
                del table[flight.call]
                flight.done = True
                return frame
        except _NOT_PLAIN:
            pass  # `read_answer` tells why
        line.take_for(flight, channel.read_answer(size))
        return None

    return take


def _flight() -> Flight:
    flight = Flight(b"", 0.0, 0.0)
    flight.waited_for = True
    return flight

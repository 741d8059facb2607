"""The reading half of a line: frames are read by one thread for all, and looked for.

Who calls reads for the others too: it puts each frame where its call finds it, and
when its own call is answered hands the reading on. While nothing comes it looks
around: at deadlines, limits and the worker's output (`_line.vigil`).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._line.vigil import TICK_SECONDS
from lockgate_sandbox._wire.frame import ChannelClosed, Kind
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox.errors import LimitError, SandboxError

if TYPE_CHECKING:
    from lockgate_sandbox._line.burial import Burial
    from lockgate_sandbox._line.desk import Desk
    from lockgate_sandbox._line.errands import Errands
    from lockgate_sandbox._line.flights import Flights
    from lockgate_sandbox._line.process import Process
    from lockgate_sandbox._line.sender import Sender
    from lockgate_sandbox._line.vigil import Cancel, Vigil
    from lockgate_sandbox._wire.frame import Wait
    from lockgate_sandbox._wire.host_end import HostChannel

__all__ = ["Enough", "Reading"]

# Plain integers: an enumeration's member costs two look-ups in every call.
_BATCH, _CANCEL = int(Kind.BATCH), int(Kind.CANCEL)
_ROOM, _REPLY = int(Kind.ROOM), int(Kind.REPLY)


class Enough(Exception):  # noqa: N818 - no error
    """Raised by what waits for a frame, to end the reading; none is half read."""


class Reading:
    """What `Line` reads with; it makes the parts."""

    process: Process
    channel: HostChannel
    flights: Flights
    sender: Sender
    desk: Desk
    vigil: Vigil
    burial: Burial
    errands: Errands
    reading: threading.RLock
    serving: set[int]

    def until_mail(self, flight: Flight, wait: Wait | None = None) -> None:
        """Wait until `flight` has an answer, an item or a callback to run.

        `wait` is called instead of `self.wait`. It may raise `Enough`: then this
        returns, as it does after a tick of another thread's reading.

        Raises:
            BaseException: What interrupted it (KeyboardInterrupt); the worker is
                dead then, its state would be unknown.
        """
        try:
            while not (flight.done or flight.asks or flight.items or flight.is_fed):
                if self.reading.acquire(blocking=False):
                    try:
                        self._read_for(flight, wait)
                    finally:
                        self.reading.release()
                        if self.flights.table:
                            self.hand_on(flight)
                else:
                    flight.follow().acquire(timeout=TICK_SECONDS)
                    now = time.monotonic()
                    self.vigil.check_deadlines(now, (flight,), self.cancel)
                    if wait is not None:
                        return
        except Enough:
            return
        except BaseException as error:
            self.broken(error)
            raise

    def _read_for(self, flight: Flight, wait: Wait | None = None) -> None:
        try:
            while not (flight.done or flight.asks or flight.items or flight.is_fed):
                frame = self.channel.receive(wait or self.wait)
                if frame[0] == _REPLY and len(frame) == 3 and frame[1] == flight.call:
                    # What nearly every call is: looked at first.
                    self.flights.land(flight, frame)
                else:
                    self.take_for(flight, frame)
        except Enough:
            raise
        except BaseException as error:
            self.burial.after(error)
            if not isinstance(error, Exception):
                raise

    def take_for(self, flight: Flight, frame: list[Any]) -> None:
        """Put a frame where it belongs, read by the thread of `flight`."""
        self.take(frame, flight)
        if self.errands:
            self.run_errands()
        # A worker that always writes is never waited for.
        if time.monotonic() >= self.vigil.due:
            self.look_around(self.cancel)

    def take(self, frame: list[Any], reader: Flight | None) -> None:
        """Put a frame, or each of a batch, where it belongs."""
        size = self.channel.received_bytes
        if frame[0] != _BATCH or type(frame[0]) is not int:
            self._route(frame, size, reader)
            return
        for inner in frame[1:]:
            if type(inner) is not list or not inner:
                msg = "a BATCH of something else than frames"
                raise FrameError(msg)
            self._route(inner, size // (len(frame) - 1), reader)  # pyright: ignore

    def _route(self, frame: list[Any], size: int, reader: Flight | None) -> None:
        if frame[0] == _ROOM and len(frame) == 2:
            self.errands.put(frame)
            return
        flight = self.flights.route(frame, size, reader)
        if flight.regions:
            self.sender.arena.free(flight.released(frame))
        if flight.asks and flight is not reader and not flight.waited_for:
            self.errands.put(flight)
        elif flight.cancelled and flight.items:
            self.flights.drop_items(flight)

    def run_errands(self) -> None:
        """Do what reading has found to be done, where something can be sent.

        Raises:
            SandboxError: If that was the worker's end.
        """
        try:
            self.errands.do()
        except BaseException as error:
            raise self.broken(error) from None

    def hand_on(self, mine: Flight | None = None) -> None:
        """Let another thread read from now on, if one waits."""
        for flight in list(self.flights.table.values()):
            if flight.waited_for and flight is not mine:
                flight.ring()
                return

    def answer(self, flight: Flight) -> None:
        """Run the callbacks that `flight` asks for, and tell it what they gave.

        Raises:
            SandboxError: If the worker died meanwhile.
        """
        self._run_asks(flight)
        if self.errands:
            self.run_errands()

    def _run_asks(self, flight: Flight) -> None:
        me = threading.get_ident()
        asks = flight.asks
        while asks and not flight.done:
            try:
                frame, size = asks.popleft()
            except IndexError:  # another thread was quicker
                return
            self.flights.taken(size)
            self.serving.add(me)
            try:
                regions = self.desk.answer(frame)
            except BaseException as error:
                if self.closed is None:  # else by the callback itself
                    raise self.broken(error) from None
                return
            finally:
                self.serving.discard(me)
            if regions:
                flight.own(regions)
            # A worker that asks and asks is never waited for: look all the same.
            self._look(flight)

    # -- looking around --------------------------------------------------------------

    def wait(self) -> None:
        """Look around while the worker does not write."""
        self.look_around(self.cancel)
        self.vigil.wait(self.channel.owing)

    def _while_sending(self) -> None:
        """The worker does not read: perhaps it can't, because we don't.

        Nothing is sent here: it would be in the middle of another frame.
        """
        if not self.reading.acquire(blocking=False):
            # Another thread reads, and looks around unless it runs a callback.
            flights = list(self.flights.table.values())
            self.vigil.check_deadlines(time.monotonic(), flights, Flight.note_cancelled)
            self.vigil.wait_to_send()
            return
        try:
            while self.channel.has_more():
                self.take(self.channel.receive(self._wait_silently), None)
                if time.monotonic() >= self.vigil.due:
                    self.look_around(Flight.note_cancelled)
            self.look_around(Flight.note_cancelled)
            self.vigil.wait(sending=True)
        finally:
            self.reading.release()

    def _wait_silently(self) -> None:
        self.look_around(Flight.note_cancelled)
        self.vigil.wait(self.channel.owing)

    def look_around(self, cancel: Cancel) -> None:
        """Look at the deadlines of all calls and at the limits.

        Raises:
            LimitError: If one is reached.
        """
        self.vigil.look(time.monotonic(), list(self.flights.table.values()), cancel)

    def _look(self, flight: Flight) -> None:
        """Look at one call and the limits, outside of reading and sending."""
        now = time.monotonic()
        try:
            self.vigil.check_deadlines(now, (flight,), self.cancel)
            self.vigil.watch(now)
        except LimitError as reached:
            raise self.broken(reached) from None

    # -- the end ---------------------------------------------------------------------

    @property
    def closed(self) -> SandboxError | None:
        """Why the worker is gone; None while it is not."""
        return self.burial.closed

    def cancel(self, flight: Flight, why: SandboxError) -> None:
        """Ask the worker to end `flight`, which fails with `why` however it ends.

        Raises:
            SandboxError: If the worker is dead.
        """
        flight.note_cancelled(why)
        try:
            self.sender.send_now([_CANCEL, flight.call])
        except ChannelClosed as error:
            raise self.broken(error) from None

    def broken(self, error: BaseException) -> SandboxError:
        """Bury the worker for `error`, from a thread that may not be the reader."""
        self.burial.foretell(error)  # before the reader sees what it led to
        self.process.kill()
        with self.reading:
            return self.burial.after(error)

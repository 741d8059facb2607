"""The two threads that attend a worker for an event loop.

One reads and settles answers while calls of the loop are under way, and sleeps
otherwise; the other sends what can't be sent at once. So the loop's own thread never
waits for the worker: not for the rest of a frame, not for room in its socket.
Threads that call the worker meanwhile take turns at reading, as ever.

No asyncio here: what the loop is to hear of goes to `post`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._line.line import Line
from lockgate_sandbox._line.reading import Enough
from lockgate_sandbox._line.vigil import TICK_SECONDS
from lockgate_sandbox._watch import limits
from lockgate_sandbox._wire.frame import Kind, NotDataError
from lockgate_sandbox._wire.misfit import unfit
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.callbacks import Passed
from lockgate_sandbox.errors import CancelledError, SandboxError
from lockgate_sandbox.replies import Reply

__all__ = ["Attendant", "News"]

_CALL, _ITEM = int(Kind.CALL), int(Kind.ITEM)

_ASKS_AT_ONCE = 4
"""Callbacks that may be under way in the loop; then nothing more is read."""

_NEWS_AT_ONCE = 256
"""News that the loop has not heard yet; then nothing more is read."""

News: TypeAlias = tuple[Flight, "list[Any] | Reply | SandboxError | None"]
"""What a call has got: an ASK, its outcome, or (None) items or credit."""


class Attendant:
    """Reads and sends for one loop. `start` it once; it ends by `stop`.

    `post` is called with each news, on any thread; `unheard` says how many of them
    the loop has not taken yet.
    """

    def __init__(
        self,
        line: Line,
        name: str,
        post: Callable[[News], object],
        unheard: Callable[[], int],
    ) -> None:
        self.line = line
        self._name = name
        self._post = post
        self._unheard = unheard
        self._own: dict[bytes, tuple[Flight, float]] = {}
        self._rung: queue.SimpleQueue[Flight | None] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._asked = self._answered = 0
        self._counting = threading.Lock()
        self._stopping = self._paused = False
        self._threads: list[threading.Thread] = []

    # -- what the loop's thread calls; none of it waits -----------------------------

    def adopt(self, flight: Flight, started: float) -> None:
        """Attend a call that was just opened, at `started`."""
        flight.waited_for = True  # its callbacks are none of another thread's
        flight.bell = self._rung.put
        self._own[flight.call] = (flight, started)
        if not self._threads:
            self._start(self._attend, "reads")
            self._start(self._work, "sends")
        self._rung.put(flight)
        if self._stopping:  # the worker has just been closed
            flight.end(self.line.burial.gone())
            self._hear(flight)

    def hand(self, job: Callable[[], object]) -> None:
        """Have something done by the thread that sends, in the order it comes."""
        self._jobs.put(job)

    def wake(self) -> None:
        """The loop has heard what there was: more may be read."""
        if self._paused:
            self._rung.put(None)

    def answered(self) -> None:
        """An ASK has its answer, or needs none any more; from either thread."""
        with self._counting:
            self._answered += 1
        self.wake()

    def stop(self) -> None:
        """End both threads once nothing is under way."""
        self._stopping = True
        self._rung.put(None)
        self._jobs.put(None)

    def join(self) -> None:
        """Wait until both have ended, which they do soon once the worker is dead."""
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[], None], what: str) -> None:
        name = f"lockgate-{self._name}-{what}"
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # -- the thread that reads -------------------------------------------------------

    def _attend(self) -> None:
        while not self._stopping:
            self._hear(self._rung.get())
            while self._own:
                self._step()

    def _step(self) -> None:
        line = self.line
        if line.reading.acquire(blocking=False):
            try:
                self._read()
            finally:
                line.reading.release()
                line.hand_on()
        if line.closed is not None:
            for flight, _ in list(self._own.values()):
                if not flight.done:  # opened while the worker was buried
                    flight.end(line.closed)
                self._hear(flight)
        elif self._own:  # another thread reads, or the loop has enough to do
            try:
                self._hear(self._rung.get(timeout=TICK_SECONDS))
            except queue.Empty:
                return

    def _read(self) -> None:
        """Read for all calls, until nothing is under way or the loop is behind."""
        line, due = self.line, 0.0
        try:
            while line.closed is None:
                now = time.monotonic()
                if now >= due:  # a worker that never pauses is never waited for
                    due = now + TICK_SECONDS
                    line.look_around(line.cancel)
                if not self._wants_more():
                    return
                line.take(line.channel.receive(self._wait), None)
                if line.errands:
                    line.run_errands()
        except Enough:  # nothing is under way any more
            return
        except Exception as error:
            line.burial.after(error)

    def _wait(self) -> None:
        """Look around while the worker does not write, if it still has to."""
        self._hear_all()
        if not self._own and not self.line.channel.partial:
            raise Enough
        self.line.wait()

    def _wants_more(self) -> bool:
        """Whether to read on, once the loop is told of what came."""
        self._hear_all()
        if not self._own:
            return False
        self._paused = True  # first, so that the loop's word is not missed
        unheard = self._unheard()
        more = self._asked - self._answered < _ASKS_AT_ONCE and unheard < _NEWS_AT_ONCE
        self._paused = not more
        return more

    def _hear_all(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._hear(self._rung.get_nowait())

    def _hear(self, flight: Flight | None) -> None:
        """Tell the loop what a call has got."""
        if flight is None:
            return
        if flight.done:
            _, started = self._own.pop(flight.call, (None, 0.0))
            if started:
                self._post((flight, self._outcome(flight, started)))
            return
        while flight.asks:
            frame, size = flight.asks.popleft()
            self.line.flights.taken(size)
            self._asked += 1
            self._post((flight, frame))
        if flight.cancelled:
            self.line.flights.drop_items(flight)
        elif flight.streams and (flight.items or flight.may_send):
            self._post((flight, None))

    def _outcome(self, flight: Flight, started: float) -> Reply | SandboxError:
        try:
            if flight.alone:
                return self.line.built(flight)
            return self.line.reply(flight, started)
        except SandboxError as error:
            return error

    # -- the thread that sends -------------------------------------------------------

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except SandboxError:
                continue  # the worker is dead, and every call has been told
            except Exception as error:
                self.line.broken(error)

    def send(self, message: list[Any], flight: Flight, large: int) -> None:
        """Send a frame of `flight`, waiting for the worker; its call may end by it."""
        if flight.done or self.line.closed is not None:
            return
        if message[0] == _CALL and flight.cancelled:
            self.line.forget(flight)
            flight.end(flight.fate or CancelledError("the call"))
            self._hear(flight)
            return
        try:
            if message[0] == _ITEM:
                self._send_item(message, flight)
            else:
                self.line.send(message, flight, large=large)
        except SandboxError as error:
            if not flight.done:
                flight.end(error)
            if flight.done:
                self._hear(flight)  # the other thread may be waiting for the worker

    def _send_item(self, message: list[Any], flight: Flight) -> None:
        """Send an item; one that can't cross ends its stream, which is under way."""
        try:
            flight.own(self.line.sender.send_large(message, 2), item=True)
        except NotDataError as error:
            self.line.cancel(flight, unfit("an item", message[-1], error))
        except FrameTooLargeError as error:
            if error.received:
                raise self.line.broken(error) from None
            reached = limits.too_large(error.limit, error.used, error.unit)
            self.line.cancel(flight, reached)
        except Exception as error:
            raise self.line.broken(error) from None

    def give(self, frame: list[Any], value: object, flight: Flight) -> None:
        """Send what a callback gave, which may be an exception."""
        _, call, sequence, _, _ = frame
        head = [call, sequence]
        try:
            if self.line.closed is not None:
                if isinstance(value, Passed):
                    value.close()
            elif isinstance(value, Exception):
                self.line.desk.refuse(head, value)
            elif regions := self.line.desk.give(head, value):
                flight.own(regions)
        finally:
            self.answered()

"""Calls that are fetched later, and calls that bring or take items.

Both are made by a `Worker`. The thread that asks for a result or the next item
does the reading; nothing happens in the background.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.flights import CREDIT, Flight
from lockgate_sandbox._line.line import Line
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.errors import (
    CancelledError,
    Data,
    MessageLimitError,
    PolicyError,
    SandboxError,
)
from lockgate_sandbox.replies import Reply

if TYPE_CHECKING:
    from lockgate_sandbox.data import Given

__all__ = ["Pending", "Stream", "opening"]

_CALL, _ITEM, _END = int(Kind.CALL), int(Kind.ITEM), int(Kind.END)
_CREDIT = int(Kind.CREDIT)

_NO_ITEMS = -1
"""In the place of our credit: the handler gets no items."""


def opening(
    flight: Flight, method: str, arguments: dict[str, Data], *, fed: bool
) -> list[Any]:
    """Make `flight` a stream; gives the frame that begins it. `fed`: we send items."""
    flight.items = deque()
    flight.streams = True
    flight.may_receive = CREDIT
    flight.may_send = CREDIT if fed else 0
    call = [_CALL, flight.call, method, arguments, CREDIT]
    return call if fed else [*call, _NO_ITEMS]


class Pending:
    """A call under way; `result` fetches its answer."""

    __slots__ = ("_flight", "_flush", "_line", "_reply", "_started")

    def __init__(
        self, line: Line, flight: Flight, started: float, flush: Callable[[], None]
    ) -> None:
        self._line = line
        self._flight = flight
        self._started = started
        self._flush = flush
        self._reply: Reply | None = None

    @property
    def done(self) -> bool:
        """Whether the answer has been read already; false is no proof that not."""
        return self._flight.done

    def result(self) -> Reply:
        """The reply; waits for it, running callbacks of this call meanwhile.

        Raises:
            SandboxError: As `Worker.call` does; `CancelledError` after `cancel`.
        """
        if self._reply is None:
            flight = self._flight
            if not flight.done:
                self._flush()
            self._reply = self._line.finish(flight, self._started)
        return self._reply

    def cancel(self) -> None:
        """Ask the worker to end the call, or not to begin it. Does not wait.

        A plain function that is under way runs to its end; a generator or a
        coroutine ends at its next stop.
        """
        if not self._flight.done and self._line.closed is None:
            self._flush()
            self._line.cancel(self._flight, CancelledError("the call"))


class Stream:
    """A call that brings items; iterate it, then look at `result`.

    As a context manager it is cancelled at the end if it was not read to its end.
    """

    def __init__(
        self, line: Line, flight: Flight, started: float, items: Iterable[Given] | None
    ) -> None:
        self._line = line
        self._flight = flight
        self._started = started
        self._source: Iterator[Given] | None = None if items is None else iter(items)
        self._reply: Reply | None = None

    def begin(self, method: str, arguments: dict[str, Data]) -> None:
        """Send the call.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        flight = self._flight
        call = opening(flight, method, arguments, fed=self._source is not None)
        self._line.send(call, flight, large=3)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Data]:
        return self

    def __next__(self) -> Data:
        """The next item; waits for it.

        Raises:
            StopIteration: At the end; `result` is there then.
            SandboxError: As `Worker.call` does.
        """
        self._flight.waited_for = True
        try:
            return self._next()
        finally:
            self._flight.waited_for = False

    def _next(self) -> Data:
        flight, line = self._flight, self._line
        while True:
            if flight.items:
                return self._take()
            if flight.done:
                if self._reply is None:
                    self._reply = self._line.reply(flight, self._started)
                raise StopIteration
            if flight.asks:
                line.answer(flight)
            elif self._source is not None and flight.may_send:
                self._send_one()
            else:
                flight.hungry = self._source is not None
                line.until_mail(flight)

    def _take(self) -> Data:
        flight, line = self._flight, self._line
        value = line.flights.take_item(flight)
        if count := flight.read_one():
            line.send([_CREDIT, flight.call, count], flight)
        return value

    def _send_one(self) -> None:
        """Send one item of ours, or say that there are no more."""
        flight, line = self._flight, self._line
        assert self._source is not None  # noqa: S101  (asked before)
        try:
            item = next(self._source)
        except StopIteration:
            self._source = None
            line.send([_END, flight.call], flight)
            return
        except BaseException:
            self.close()
            raise
        flight.may_send -= 1
        try:
            line.send([_ITEM, flight.call, item], flight, large=2)
        except (PolicyError, MessageLimitError):
            self.close()
            raise

    @property
    def unread(self) -> int:
        """How many items have arrived that were not looked at yet."""
        return len(self._flight.items or ())

    @property
    def result(self) -> Reply:
        """The reply that ended the stream: its value is what the generator returned.

        Reads on to the end, dropping what items are left.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        for _ in self:
            continue
        assert self._reply is not None  # noqa: S101  (set at the end)
        return self._reply

    def cancel(self) -> None:
        """Ask the worker to end the stream, from whatever thread. Does not wait.

        Whoever iterates it then gets `CancelledError`.
        """
        if not self._flight.done and self._line.closed is None:
            self._line.cancel(self._flight, CancelledError("the stream"))

    def close(self) -> None:
        """Cancel what is left of the stream. May be repeated.

        Waits for the worker to confirm, and kills it if it does not do so soon.
        """
        flight, line = self._flight, self._line
        if flight.done or line.closed is not None:
            return
        flight.hungry = False
        flight.deadline = time.monotonic()
        flight.wall = min(flight.wall, 0.0)
        line.cancel(flight, CancelledError("the stream"))
        with suppress(SandboxError):  # then the worker is dead, and says so later
            while not flight.done:
                line.flights.drop_items(flight)
                line.until_mail(flight)
                line.answer(flight)
        line.flights.drop_items(flight)
        line.flights.answer_taken(flight)

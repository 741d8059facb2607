"""The calls of one worker that are under way, and what its frames mean for them.

No input or output happens here: a frame comes in, is checked against what may come
at this moment, and is put where its call finds it. Nothing here believes a worker:
a frame that is not exactly what may come is a `FrameError`, an item that nobody
gave credit for a `StreamLimitError`, and the caller kills the worker for either.
"""

from __future__ import annotations

import os
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from lockgate_sandbox._wire.arena import Region
from lockgate_sandbox._wire.exchange import AT_BUILD, AT_ONCE, IN_CALL
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox.errors import (
    Data,
    MessageLimitError,
    PolicyError,
    SandboxError,
    StreamLimitError,
)

__all__ = ["CREDIT", "FLIGHTS_LIMIT", "Flight", "Flights", "check_in_flight"]

FLIGHTS_LIMIT = 1024
"""Calls of one worker that may be under way at a time."""

CREDIT = 16
"""Items of a stream that may be under way, unread by the other side."""

_GIVE_BACK = CREDIT // 2
"""Items that are read before the worker is told that it may send more."""

_KEPT_FACTOR = 4
"""Answers that nobody has taken may hold so many times a message's limit."""

_ASK_BYTES = 512
"""What a question takes at least while it lies here."""

_ID_CHARS = 8
_IDS_AT_ONCE = 256
_FIRST_IDS = 16  # of many a worker no more is asked

_REPLY, _RAISE, _ASK = int(Kind.REPLY), int(Kind.RAISE), int(Kind.ASK)
_ITEM, _CREDIT = int(Kind.ITEM), int(Kind.CREDIT)
_FAILED = int(Kind.FAILED)
_LAST = (_REPLY, _RAISE)


def check_in_flight(in_flight: int) -> None:
    """Whether so many calls may be kept under way.

    Raises:
        PolicyError: If `in_flight` is not between 1 and 1,024.
    """
    if not 1 <= in_flight <= FLIGHTS_LIMIT:
        msg = f"in_flight is between 1 and {FLIGHTS_LIMIT}, not {in_flight}"
        raise PolicyError(msg)


def _fresh_ids(count: int) -> list[bytes]:
    """Ids that no worker can guess: 48 random bits as text, many at a time.

    Text, because a frame without a byte that could be a container's head is
    checked in a moment.
    """
    text = b64encode(os.urandom(count * _ID_CHARS * 3 // 4))
    return [text[at : at + _ID_CHARS] for at in range(0, len(text), _ID_CHARS)]


class Flight:
    """One call under way.

    `answer` is its last frame, or the error that ended it; `fate` the error to
    raise whatever the answer is, because the call was cancelled for it. `refused` is
    what the callback raised that failed last. `asks` are
    callbacks to run, by its own thread if it is `waited_for`, and `items` what a
    stream has brought, both with their sizes. `may_send` and `may_receive` count the
    items that either side may still send, `read` those that the worker has no credit
    for yet. `hungry`: its thread waits for credit too.
    `alone` is a START that no call came along with.
    `frame_bytes` is how long the answer was. `bell` is what `ring` calls for a call
    that no thread sleeps for (`_line.attendant`). `regions` is the shared memory that
    what was sent takes up, each with whether an item does.
    """

    # Defaults of the class: most calls need but a few of their own.
    done = False
    answer: Sequence[Any] | SandboxError | None = None
    fate: SandboxError | None = None
    refused: Exception | None = None
    asks: deque[tuple[list[Any], int]] | None = None
    items: deque[tuple[Data, int]] | None = None
    regions: deque[tuple[bool, list[Region]]] | None = None
    streams = hungry = waited_for = alone = False
    may_receive = may_send = sequence = frame_bytes = read = 0
    cancelled = 0.0
    wait: threading.Lock | None = None
    bell: Callable[[Flight], object] | None = None

    def __init__(self, call: bytes, wall: float, deadline: float) -> None:
        self.call = call
        self.wall = wall
        self.deadline = deadline

    def own(self, regions: list[Region], *, item: bool = False) -> None:
        """Note what shared memory something that was sent takes up."""
        if self.regions is None:
            self.regions = deque()
        self.regions.append((item, regions))

    def read_one(self) -> int:
        """Count one more item as read; gives how many more the worker is to be told of.

        It may send so many; 0 if it need not be told yet.
        """
        self.read += 1
        if self.read < _GIVE_BACK or self.done:
            return 0
        count, self.read = self.read, 0
        self.may_receive += count
        return count

    def released(self, frame: list[Any]) -> list[Region]:
        """What the worker no longer needs, now that it has sent `frame`."""
        if self.done:
            return self.disown()
        if frame[0] != _CREDIT or not self.regions:
            return []
        found: list[Region] = []
        count: int = frame[2]
        for entry in [entry for entry in self.regions if entry[0]][:count]:
            self.regions.remove(entry)
            found += entry[1]
        return found

    def disown(self) -> list[Region]:
        """All of it."""
        entries, self.regions = self.regions or (), None
        return [region for _, regions in entries for region in regions]

    def follow(self) -> threading.Lock:
        """What the thread of this call sleeps on while another one reads."""
        if self.wait is None:
            wait = threading.Lock()
            wait.acquire()
            self.wait = wait
        return self.wait

    def ring(self) -> None:
        """Wake that thread; if it does not sleep, it will not fall asleep."""
        wait = self.wait
        if wait is not None and wait.locked():
            wait.release()
        if self.bell is not None:
            self.bell(self)

    def note_cancelled(self, why: SandboxError) -> None:
        """It fails with `why`, however it ends."""
        self.cancelled, self.fate = time.monotonic(), why

    @property
    def is_fed(self) -> bool:
        """Whether a stream that waits for credit has some."""
        return self.hungry and self.may_send > 0

    def end(self, answer: Sequence[Any] | SandboxError) -> None:
        """Nothing more will come."""
        self.answer = answer
        self.done = True
        self.ring()


class Flights:
    """The table of calls under way, by id.

    `failed` is called with the FAILED of the start, before anybody learns of it.
    """

    __slots__ = (
        "_kept_bytes",
        "_message_bytes",
        "_shapes",
        "_start",
        "failed",
        "ids",
        "table",
    )

    def __init__(self, message_bytes: int) -> None:
        self.table: dict[bytes, Flight] = {}
        self.failed: Callable[[list[Any]], object] = list
        self._shapes = AT_BUILD
        self._start = b""
        self.ids = _fresh_ids(_FIRST_IDS)
        self._message_bytes = message_bytes
        self._kept_bytes = 0

    def fresh_id(self) -> bytes:
        """An id for one call, of which there were none left perhaps."""
        while True:
            try:
                return self.ids.pop()
            except IndexError:
                self.ids += _fresh_ids(_IDS_AT_ONCE)

    def open(self, wall: float, deadline: float) -> Flight:
        """A new call with an id of its own."""
        call = self.fresh_id()
        flight = self.table[call] = Flight(call, wall, deadline)
        return flight

    def enter(
        self, call: bytes, wall: float, deadline: float, *, both: bool = False
    ) -> Flight:
        """The START of that id; `both`: it has a call with it, and one answer."""
        self._start = call
        self._shapes = AT_ONCE if both else AT_BUILD
        flight = self.table[call] = Flight(call, wall, deadline)
        return flight

    def built(self) -> None:
        """The target is there: from now on calls are answered."""
        self._shapes, self._start = IN_CALL, b""

    @property
    def starting(self) -> bool:
        """Whether a START is not answered yet."""
        return bool(self._start)

    def land(self, flight: Flight, frame: list[Any]) -> None:
        """Take the answer of `flight` by the thread that waits for it.

        Raises:
            FrameError: If it has been answered.
        """
        if flight.call not in self.table:
            self.route(frame, 0, flight)
            return
        del self.table[flight.call]
        if flight.call == self._start:
            self.built()
        if flight.asks:
            self._drop_asks(flight)
        flight.answer = frame
        flight.done = True

    def route(self, frame: list[Any], size: int, reader: Flight | None) -> Flight:
        """Put `frame`, which was `size` bytes, where its call finds it.

        `reader` is the call whose thread reads; another one's thread is woken.

        Raises:
            FrameError: If the frame may not come now: unknown, misshapen, late,
                repeated or forged.
            MessageLimitError: If too much lies here that nobody has taken.
            StreamLimitError: If it is an item beyond the credit given.
        """
        kind: object = frame[0]
        due = self._shapes.get(kind) if type(kind) is int else None
        if due is None or type(kind) is not int:
            msg = f"a frame of kind {kind!r:.40}, which may not come now"
            raise FrameError(msg)
        if len(frame) != due:
            msg = f"a {Kind(kind).name} of {len(frame)} elements"
            raise FrameError(msg)
        call = frame[1]
        flight = self.table.get(call) if type(call) is bytes else None
        if flight is None:
            name = Kind(kind).name
            msg = f"a {name} with another call's id: late, repeated or forged"
            raise FrameError(msg)
        if kind == _FAILED:
            self._fail(flight, frame)
            return flight
        if kind in _LAST:
            del self.table[flight.call]
            if flight.call == self._start:
                self.built()
            self._drop_asks(flight)
            if flight.cancelled:
                frame = frame[:1]  # whatever it says: `fate` is what it means
            elif flight is not reader:
                self._keep(flight, size)
            flight.end(frame)
            return flight
        if kind == _ASK:
            self._ask(flight, frame, size)
        elif kind == _ITEM:
            self._item(flight, frame[2], size)
        else:
            self._credit(flight, frame[2])
        if flight is not reader:
            flight.ring()
        return flight

    def _fail(self, flight: Flight, frame: list[Any]) -> None:
        """There is no target: nothing that was asked of it will be answered."""
        if flight.call != self._start:
            msg = "a FAILED that is not about the start"
            raise FrameError(msg)
        self._drop_asks(flight)
        self.failed(frame)
        self.drop_all(frame)

    def _ask(self, flight: Flight, frame: list[Any], size: int) -> None:
        flight.sequence += 1
        _, _, sequence, name, arguments = frame
        if (
            type(sequence) is not int
            or sequence != flight.sequence
            or type(name) is not str
            or type(arguments) is not dict
        ):
            msg = "a misshapen ASK or one out of order"
            raise FrameError(msg)
        if flight.asks is None:
            flight.asks = deque()
        size += _ASK_BYTES
        flight.asks.append((frame, size))
        self._count(size)

    def _item(self, flight: Flight, value: Data, size: int) -> None:
        if flight.items is None:
            msg = "an ITEM of a call that is no stream"
            raise FrameError(msg)
        if not flight.may_receive:
            raise StreamLimitError(CREDIT, CREDIT + 1, "items unread")
        flight.may_receive -= 1
        flight.items.append((value, size))
        self._count(size)

    def _credit(self, flight: Flight, count: object) -> None:
        if (
            not flight.streams
            or type(count) is not int
            or not 0 < count <= CREDIT
            or flight.may_send + count > CREDIT
        ):
            msg = "a CREDIT that nothing was sent for"
            raise FrameError(msg)
        flight.may_send += count

    def _keep(self, flight: Flight, size: int) -> None:
        """Count an answer that lies here until its caller comes."""
        flight.frame_bytes = size
        self._count(size)

    def _count(self, size: int) -> None:
        self._kept_bytes += size
        most = _KEPT_FACTOR * self._message_bytes
        if self._kept_bytes > most:
            raise MessageLimitError(
                most, self._kept_bytes, "bytes that nobody has taken"
            )

    def taken(self, size: int) -> None:
        """An answer, item or question of `size` bytes has reached whom it is for."""
        self._kept_bytes -= size

    def answer_taken(self, flight: Flight) -> None:
        """The answer of `flight` has reached its caller."""
        self._kept_bytes -= flight.frame_bytes
        flight.frame_bytes = 0

    def take_item(self, flight: Flight) -> Data:
        """The oldest item that a stream has brought: its caller has it now."""
        assert flight.items  # noqa: S101  (looked at before)
        value, size = flight.items.popleft()
        self.taken(size)
        return value

    def drop_items(self, flight: Flight) -> None:
        """Forget what a stream brought that nobody will read."""
        while flight.items:
            self.taken(flight.items.popleft()[1])

    def _drop_asks(self, flight: Flight) -> None:
        """Forget what a call asked that is answered all the same."""
        while flight.asks:
            self.taken(flight.asks.popleft()[1])

    def drop_all(self, answer: Sequence[Any] | SandboxError) -> None:
        """End every call with `answer`: the worker is dead, or about to die."""
        while self.table:
            _, flight = self.table.popitem()
            flight.end(answer)

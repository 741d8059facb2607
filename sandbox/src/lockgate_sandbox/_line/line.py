"""The host's end of a worker's channel, shared by all calls under way.

The calling thread does the reading and writing of its call. Of several threads
one reads for all: it puts each frame where its call finds it, wakes the thread
that waits for it, and when its own call is answered hands the reading on. A quick
call costs two system calls; only when the answer is not there within a few
milliseconds (the socket's own timeout) does the reading thread look around: at
deadlines, limits and the worker's output (`_line.vigil`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line import copies
from lockgate_sandbox._line.beginning import Beginning
from lockgate_sandbox._line.burial import Burial
from lockgate_sandbox._line.desk import Desk
from lockgate_sandbox._line.direct import Direct
from lockgate_sandbox._line.errands import Errands
from lockgate_sandbox._line.flights import Flight, Flights
from lockgate_sandbox._line.ground import Ground
from lockgate_sandbox._line.ledger import Ledger
from lockgate_sandbox._line.process import Process
from lockgate_sandbox._line.sender import Sender
from lockgate_sandbox._line.vigil import Vigil
from lockgate_sandbox._spelling.arguments import named
from lockgate_sandbox._watch.limits import too_large
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._wire.frame import (
    Kind,
    NotDataError,
)
from lockgate_sandbox._wire.host_end import HostChannel
from lockgate_sandbox._wire.misfit import unfit
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import (
    ClosedError,
    LimitError,
    MessageLimitError,
    PolicyError,
    SandboxError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.replies import Reply

if TYPE_CHECKING:
    from lockgate_sandbox._line.late import Late
    from lockgate_sandbox._line.row import Row
    from lockgate_sandbox.data import Given

__all__ = ["Line"]

# Plain integers: an enumeration's member costs two look-ups in every call.
_BATCH, _CANCEL, _ITEM = int(Kind.BATCH), int(Kind.CANCEL), int(Kind.ITEM)
_FRAMES = (list, tuple)
_ROOM, _REPLY, _CALL = int(Kind.ROOM), int(Kind.REPLY), int(Kind.CALL)
_FAILED = int(Kind.FAILED)


class Line(Beginning):
    """Sends, reads, watches, and buries the worker when it must."""

    def __init__(
        self,
        process: Process,
        channel: HostChannel,
        output: Output,
        *,
        policy: Policy,
        ground: Ground,
    ) -> None:
        self.process = process
        self.channel = channel
        self.output = output
        self.flights = Flights(policy.limits.message_bytes)
        self.flights.failed = self.foretell
        channel.under_way = self.flights.table
        self.sender = Sender(channel, policy.limits.message_bytes, self._while_sending)
        self.serving: set[int] = set()
        self.policy = policy
        self.wall = policy.limits.wall_seconds
        self.desk = Desk(self.sender, self.flights.table)
        self.vigil = Vigil(
            process, channel.socket.fileno(), output, policy.limits, ground
        )
        # Reentrant: who reads may have to answer, and so to send and to read.
        # Whoever holds the lock for sending never waits for this one.
        self.reading = threading.RLock()
        self.burial = Burial(
            process,
            self.sender,
            output,
            self.flights,
            limits=policy.limits,
            ground=ground,
        )
        self.burial.last_words = self.hear_failure
        self.errands = Errands(self._run_asks, self.sender.make_room)
        self.ledger = Ledger(self.vigil, output)
        limit = policy.limits.message_bytes
        self.row: Row | None = None
        self.direct = Direct(self, self.ledger, self.wall, limit).call
        self.late: Late | None = None
        copies.watch(self)

    def hand_over(
        self,
        name: str,
        callbacks: Callbacks,
        released: Callable[[], None],
        folders: Sequence[str],
    ) -> None:
        """Be the line of the worker `name`, which may ask for `callbacks`.

        It imports from `folders`. `released` is called when nothing of it is left.
        All else can be made long before anybody wants that worker.
        """
        self.desk.callbacks = callbacks
        self.folders = folders
        self.burial.name = name
        self.burial.released = released

    def reply(self, flight: Flight, started: float) -> Reply:
        """What the answer of `flight`, asked at `started`, means.

        Raises:
            SandboxError: What it stands for, if that is an error.
        """
        if self.output.waiting():
            try:
                self.vigil.drain()
            except LimitError as flood:
                raise self.broken(flood) from None
        if flight.regions:
            self.sender.arena.free(flight.disown())
        if flight.frame_bytes:
            self.flights.answer_taken(flight)
        answer: Any = flight.answer
        if type(answer) in _FRAMES and answer[0] == _REPLY and flight.fate is None:
            return self.ledger.settle(answer[2], started)
        value = self.value_of(flight)
        if isinstance(value, SandboxError):
            if self.burial.closed is None:  # else nothing of it comes any more
                value.output = self.ledger.printed()
            raise value
        return self.ledger.settle(value, started)

    def finish(self, flight: Flight, started: float) -> Reply:
        """Wait for the answer of `flight`, running its callbacks meanwhile.

        Raises:
            SandboxError: What it stands for, if that is an error.
        """
        flight.waited_for = True
        while not flight.done:
            self.until_mail(flight)
            if flight.asks:
                self.answer(flight)
        return self.reply(flight, started)

    # -- opening and sending ----------------------------------------------------

    def call(
        self,
        method: str,
        arguments: Mapping[str, Given],
        timeout: float | None,
        since: float | None = None,
    ) -> Reply:
        """One call from its question, or from `since`, to its reply.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        given = named("arguments", arguments)
        flight = self.open(timeout, since=since)
        flight.waited_for = True
        self.send([_CALL, flight.call, method, given], flight, large=3)
        started = flight.deadline - flight.wall
        if self.reading.acquire(blocking=False):  # nobody else reads: straight on
            try:
                self._read_for(flight)
            finally:
                self.reading.release()
            if flight.done and not self.flights.table:
                return self.reply(flight, started)
            self.hand_on(flight)
        return self.finish(flight, started)

    def open(
        self, timeout: float | None, *, look: bool = True, since: float | None = None
    ) -> Flight:
        """Enter a call that has the policy's seconds, or `timeout` if that is less.

        They are counted from `since`, or from now; building a target is among them.

        Raises:
            ClosedError: If the worker is gone.
        """
        if self.burial.closed is not None:
            raise self.burial.gone()
        late = self.late
        if late is not None:
            since = time.monotonic() if since is None else since
            late.build(timeout, since)
        wall = self.wall
        if timeout is not None and timeout < wall:
            wall = timeout
        now = time.monotonic()
        flight = self.flights.open(wall, (now if since is None else since) + wall)
        if look and now > self.vigil.unwatched_from:
            self._look(flight)
        return flight

    def send(self, message: list[Any], flight: Flight, *, large: int = 0) -> None:
        """Send one frame of `flight`, which is over if its CALL can't be sent.

        Its element `large` may hold large buffers.

        Raises:
            PolicyError: If it may not cross; nothing was sent.
            MessageLimitError: If it is too large; nothing was sent.
            SandboxError: If the worker is dead.
        """
        try:
            if not large:
                self.sender.send(message)
            elif regions := self.sender.send_large(message, large):
                flight.own(regions, item=message[0] == _ITEM)
        except NotDataError as error:
            if message[0] != _CALL:  # the worker knows of it already
                raise unfit("an item", message[-1], error) from None
            self.forget(flight)
            raise unfit("arguments", message[-1], error) from None
        except FrameTooLargeError as error:
            if error.received:
                raise self.broken(error) from None
            if message[0] == _CALL:
                self.forget(flight)
            raise too_large(error.limit, error.used, error.unit) from None
        except BaseException as error:
            raise self.broken(error) from None
        if self.errands:
            self.run_errands()

    def forget(self, flight: Flight) -> None:
        """Nothing of this call was sent."""
        self.flights.table.pop(flight.call, None)
        self.sender.arena.free(flight.disown())

    def send_batch(self, messages: Sequence[tuple[Flight, list[Any]]]) -> None:
        """Send many calls in one frame; one that can't cross ends with its error.

        Raises:
            SandboxError: If the worker is dead.
        """
        if len(messages) > 1:
            try:
                self.sender.send_batch([message for _, message in messages])
            except (NotDataError, FrameTooLargeError) as error:
                if isinstance(error, FrameTooLargeError) and error.received:
                    raise self.broken(error) from None
                # Else one by one, to find which.
            except BaseException as error:
                raise self.broken(error) from None
            else:
                if self.errands:
                    self.run_errands()
                return
        for flight, message in messages:
            try:
                self.send(message, flight, large=3)
            except (PolicyError, MessageLimitError) as error:
                flight.end(error)

    # -- the end ---------------------------------------------------------------------

    @property
    def last_output(self) -> str:
        """What it had printed since the last reply when it ended."""
        return self.burial.last_output

    def kill(self) -> None:
        """Kill the tree at once; whoever reads will find out. From any thread."""
        self.process.kill()

    def disown(self) -> None:
        """Let go of the worker without a word to it: this is a forked copy of the host.

        No lock is taken: a thread that had one may not be in the copy.
        """
        self.late = self.row = None
        hint = "start a worker in the process that is to use it"
        msg = f"worker {self.burial.name!r} belongs to the process this was forked from"
        self.burial.disown(ClosedError(msg, hint=hint))
        for let_go in (self.process.disown, self.channel.close, self.output.close):
            with suppress(OSError):  # another thread was at it
                let_go()

    def close(self, why: SandboxError) -> None:
        """Kill the tree and wait until it is reaped; calls under way end for `why`."""
        self.burial.foretell(why)
        self.process.kill()
        if threading.get_ident() in self.serving:  # from a callback
            self.burial.end(why)
            return
        with self.reading:
            self.burial.end(why)

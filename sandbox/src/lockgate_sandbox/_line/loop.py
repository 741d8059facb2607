"""An event loop's side of a worker: its calls, what came for them, its callbacks.

Everything here runs on the loop's thread, and nothing waits for the worker there:
a short frame is sent if it can be sent at once, all else is the attendant's.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.attendant import Attendant, News
from lockgate_sandbox._line.flights import FLIGHTS_LIMIT, Flight
from lockgate_sandbox._line.line import Line
from lockgate_sandbox._line.sender import is_light
from lockgate_sandbox._wire.frame import ChannelClosed, Kind, NotDataError
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.callbacks import Passed
from lockgate_sandbox.errors import CancelledError, Data, PolicyError, SandboxError
from lockgate_sandbox.replies import Reply

if TYPE_CHECKING:
    from lockgate_sandbox._line.late import Late

__all__ = ["Call", "LoopDesk"]

_CANCEL, _ANSWER, _BATCH = int(Kind.CANCEL), int(Kind.ANSWER), int(Kind.BATCH)

_BATCH_CALLS = 24
"""Calls that go together: of so many the frame is still checked at a glance."""

_HEARD_AT_ONCE = 64
"""News that are taken before the loop's other tasks have their turn."""

_serving: ContextVar[Line | None] = ContextVar("_serving", default=None)
"""The worker whose callback the running task is."""


class Call:
    """One call of the loop. `outcome` is what ended it, once the loop knows.

    `handed` and `sent` count the frames that were left to the thread that sends:
    while some are on their way, later ones have to follow them. `asks` are the
    callbacks under way. `counted`: it is one of the calls that may be under way.
    """

    __slots__ = (
        "asks",
        "counted",
        "flight",
        "handed",
        "outcome",
        "sent",
        "tasks",
        "waiters",
    )

    def __init__(self, flight: Flight, *, counted: bool) -> None:
        self.flight = flight
        self.counted = counted
        self.outcome: Reply | SandboxError | None = None
        self.waiters: set[asyncio.Future[None]] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.asks: set[int] = set()
        self.handed = self.sent = 0

    def tell(self) -> None:
        """Wake who waits for news of this call."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def news(self) -> None:
        """Wait for the outcome, an item or credit."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.add(waiter)
        try:
            await waiter
        finally:
            self.waiters.discard(waiter)

    async def ended(self) -> None:
        """Wait for the outcome."""
        while self.outcome is None:
            await self.news()

    def value(self) -> Reply:
        """The reply.

        Raises:
            SandboxError: What it stands for, if that is an error.
        """
        assert self.outcome is not None  # noqa: S101  (waited for)
        if isinstance(self.outcome, SandboxError):
            raise self.outcome
        return self.outcome


class LoopDesk:
    """All calls of one loop to one worker."""

    def __init__(self, line: Line, name: str, patience: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.line = line
        self._name = name
        self._patience = patience
        self._calls: dict[bytes, Call] = {}
        self._mail: deque[News] = deque()
        self._outbox: list[tuple[Call, list[Any]]] = []
        self._posted = False
        self._slots = asyncio.Semaphore(FLIGHTS_LIMIT)
        self.attendant = Attendant(line, name, self._post, self._mail.__len__)

    # -- calls ---------------------------------------------------------------------

    async def open(self, timeout: float | None) -> Call:
        """A call that nothing was sent of yet; waits if 1,024 are under way.

        Raises:
            ClosedError: If the worker is gone.
            PolicyError: If a callback of this worker asks, or another loop.
        """
        await self._slot()
        try:
            started = time.monotonic()
            late = self.line.late
            if late is not None:
                await self._build(late, timeout, started)
            flight = self.line.open(timeout, look=False, since=started)
        except BaseException:
            self._slots.release()
            raise
        return self._adopt(flight, started)

    async def _build(self, late: Late, timeout: float | None, started: float) -> None:
        """Have the target built; what it asks meanwhile is the loop's to answer.

        Whoever waits for it may give up: others may be waiting behind.

        Raises:
            SandboxError: If it can't be built.
        """

        async def build() -> SandboxError | None:
            try:
                flight = late.send_now(timeout, started)
                if flight is None:  # the loop's executor may be busy for long
                    flight = await asyncio.to_thread(late.send, timeout, started)
            except SandboxError as error:
                return error
            if flight is None:  # another task or thread was quicker
                return None
            call = self._adopt(flight, started, counted=False)
            await call.ended()
            return call.outcome if isinstance(call.outcome, SandboxError) else None

        failed = await asyncio.shield(self.loop.create_task(build()))
        if failed is not None:
            raise failed

    async def first(
        self, method: str, arguments: dict[str, Data], timeout: float | None
    ) -> Call | None:
        """The first call of a worker that is `lazy`, sent along with its START.

        None if there is none to be sent, or this call can't go with it.

        Raises:
            ClosedError: As `open` does.
            PolicyError: As `open` does.
        """
        late = self.line.late
        if late is None:
            return None
        await self._slot()
        begun = None
        try:
            begun = late.begin(method, arguments, timeout)
        finally:
            if begun is None:
                self._slots.release()
        return begun and self._adopt(*begun)

    async def _slot(self) -> None:
        """Wait until one more call may be under way."""
        if asyncio.get_running_loop() is not self.loop:
            msg = f"worker {self._name!r} belongs to another event loop"
            raise PolicyError(msg, hint="make an AsyncWorker in the loop that uses it")
        if _serving.get() is self.line:
            msg = f"a callback of worker {self._name!r} may not call it again"
            raise PolicyError(msg)
        await self._slots.acquire()

    def _adopt(self, flight: Flight, started: float, *, counted: bool = True) -> Call:
        call = self._calls[flight.call] = Call(flight, counted=counted)
        self.attendant.adopt(flight, started)
        return call

    def begin(self, call: Call, message: list[Any]) -> None:
        """Send the frame that begins `call`, with those of the loop's other tasks."""
        self._outbox.append((call, message))
        if len(self._outbox) == 1:
            self.loop.call_soon(self._flush)
        elif len(self._outbox) >= _BATCH_CALLS:
            self._flush()

    def _flush(self) -> None:
        """Send what `begin` has gathered: in one frame, if they are light."""
        gathered, self._outbox = self._outbox, []
        if len(gathered) > 1 and all(is_light(message[3]) for _, message in gathered):
            batch = [_BATCH, *(message for _, message in gathered)]
            if self._send_now(batch):
                return
        for call, message in gathered:
            self._send(call, message, 3)

    def send(self, call: Call, message: list[Any], *, large: int = 0) -> None:
        """Send a frame of `call`, at once or behind others; never waits."""
        if self._outbox:
            self._flush()  # the call itself may be in there
        self._send(call, message, large)

    def _send(self, call: Call, message: list[Any], large: int) -> None:
        if call.outcome is not None:
            return
        light = not large or is_light(message[large])
        if not (light and call.handed == call.sent and self._send_now(message)):
            flight = call.flight
            self._hand(call, lambda: self.attendant.send(message, flight, large))

    def _send_now(self, message: list[Any]) -> bool:
        """Whether it could be sent at once; if not, the other thread finds out why."""
        try:
            return self.line.sender.send_now(message)
        except (ChannelClosed, NotDataError, FrameTooLargeError, OSError):
            return False

    def _hand(self, call: Call, job: Callable[[], object]) -> None:
        def work() -> None:
            try:
                job()
            finally:
                call.sent += 1

        call.handed += 1
        self.attendant.hand(work)

    def cancel(self, call: Call, what: str) -> None:
        """Ask the worker to end `call`; it is killed if it does not do so soon."""
        flight = call.flight
        if call.outcome is not None or flight.done or flight.cancelled:
            return
        now = time.monotonic()
        # In this order: who looks at deadlines must not find one of no reason.
        flight.fate = CancelledError(what)
        flight.cancelled = now
        flight.wall = min(flight.wall, 0.0)
        flight.deadline = min(flight.deadline, now + self._patience)
        for task in call.tasks:
            task.cancel()
        self.send(call, [_CANCEL, flight.call])

    async def drop(self, call: Call, what: str) -> None:
        """Cancel `call` and wait until it is over, which takes a moment at most."""
        self.cancel(call, what)
        await call.ended()

    # -- what the attendant tells ------------------------------------------------------

    def _post(self, news: News) -> None:
        """Leave news for the loop; from any thread."""
        self._mail.append(news)
        if not self._posted:
            self._posted = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self.loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        self._posted = False  # before the look: what comes later posts again
        mail = self._mail
        for _ in range(_HEARD_AT_ONCE):
            if not mail:
                break
            self._take(*mail.popleft())
        if mail:
            self._posted = True
            self.loop.call_soon(self._hear)
        self.attendant.wake()

    def _take(
        self, flight: Flight, news: list[Any] | Reply | SandboxError | None
    ) -> None:
        call = self._calls.get(flight.call)
        if isinstance(news, list):
            if call is None or flight.cancelled:
                self.attendant.answered()
            else:
                self._serve(call, news)
        elif call is not None:
            if news is not None:
                self._end(call, news)
            call.tell()

    def _end(self, call: Call, outcome: Reply | SandboxError) -> None:
        call.outcome = outcome
        del self._calls[call.flight.call]
        if call.counted:
            self._slots.release()
        for task in call.tasks:
            task.cancel()

    # -- callbacks -----------------------------------------------------------------

    def _serve(self, call: Call, frame: list[Any]) -> None:
        task = self.loop.create_task(self._answer(call, frame))
        call.tasks.add(task)
        sequence: int = frame[2]
        call.asks.add(sequence)

        def done(_: object) -> None:
            call.tasks.discard(task)
            if sequence in call.asks:  # cancelled before it began
                self.attendant.answered()

        task.add_done_callback(done)

    async def _answer(self, call: Call, frame: list[Any]) -> None:
        value: object
        try:
            value = await self._run(frame[3], frame[4])
        except asyncio.CancelledError:
            # Of itself, or because nobody wants the answer any more.
            self._give(call, frame, TimeoutError("the host cancelled the callback"))
            raise
        except Exception as error:
            value = error
        self._give(call, frame, value)

    async def _run(self, name: str, arguments: dict[str, Data]) -> object:
        """Run a callback: a coroutine function here, another one on a thread."""
        callback = self.line.desk.callback(name)
        _serving.set(self.line)
        if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(
            getattr(callback, "__call__", None)  # noqa: B004  (an object's own)
        ):
            made: Any = callback(arguments)
            return await made
        return await asyncio.to_thread(self._run_plain, callback, arguments)

    def _run_plain(
        self, callback: Callable[[dict[str, Data]], object], arguments: dict[str, Data]
    ) -> object:
        me = threading.get_ident()
        self.line.serving.add(me)
        try:
            return callback(arguments)
        finally:
            self.line.serving.discard(me)

    def _give(self, call: Call, frame: list[Any], value: object) -> None:
        flight = call.flight
        call.asks.discard(frame[2])
        if call.outcome is not None or flight.done:
            if isinstance(value, Passed):
                value.close()
            self.attendant.answered()
            return
        light = call.handed == call.sent and is_light(value)
        if light and self._send_now([_ANSWER, *frame[1:3], value]):
            self.attendant.answered()
            return
        self._hand(call, lambda: self.attendant.give(frame, value, flight))

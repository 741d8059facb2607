"""A worker for asyncio: the same calls, awaited.

::

    async with AsyncWorker(sandbox.worker(policy, target="plugin:build")) as worker:
        calls = (worker.call("greet", {"name": name}) for name in names)
        replies = await asyncio.gather(*calls)

For one call in a worker of its own make it ``lazy``: its target is built by the first
call, which is awaited like any other.

The event loop never waits for the worker, whatever it does: two threads, which sleep
while nothing is under way, read and send for it. A task that is cancelled cancels
its call. A callback that is a coroutine function runs on the loop, another one on
the loop's executor.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Self, TypeVar

from lockgate_sandbox._line.flights import check_in_flight
from lockgate_sandbox._line.loop import Call, LoopDesk
from lockgate_sandbox._spelling.arguments import named
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.errors import Data
from lockgate_sandbox.replies import Reply
from lockgate_sandbox.streams import opening
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox.data import Given

__all__ = ["AsyncStream", "AsyncWorker"]

_CALL, _ITEM, _END = int(Kind.CALL), int(Kind.ITEM), int(Kind.END)
_CREDIT = int(Kind.CREDIT)

_PATIENCE_SECONDS = 0.25

T = TypeVar("T")


class AsyncWorker:
    """The calls of one `Worker`, for the event loop that runs when this is made.

    Leaving the context, or `aclose`, closes the worker. Threads may go on calling
    the worker itself meanwhile. `patience` is how many seconds (at least 0.25) the
    worker may take to end a call whose task was cancelled; then it is killed. A plain
    handler ends nothing before it returns: give it the time that it may need.
    """

    def __init__(self, worker: Worker, *, patience: float = _PATIENCE_SECONDS) -> None:
        self.worker = worker
        self._desk = LoopDesk(worker.line, worker.name, patience)
        self._finalizer = weakref.finalize(self, self._desk.attendant.stop)
        self._finalizer.atexit = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def alive(self) -> bool:
        """Whether a call could still be answered."""
        return self.worker.alive

    def kill(self) -> None:
        """Kill the worker's whole tree at once; calls under way fail."""
        self.worker.kill()

    async def aclose(self) -> None:
        """Kill the worker and wait until its tree is reaped. May be repeated.

        Calls under way fail with `WorkerDiedError`.
        """
        self.worker.kill()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.worker.close()
        self._finalizer()
        self._desk.attendant.join()

    async def call(
        self,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Ask the worker. At most 1,024 calls are under way; one more waits.

        `timeout` (seconds) can only shorten the policy's wall limit. A task that is
        cancelled here ends once the worker has confirmed, or is dead.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        given = named("arguments", arguments)
        call = await self._desk.first(method, given, timeout)
        if call is None:
            call = await self._begin(method, given, timeout)
        return await self._outcome(call)

    async def _begin(
        self, method: str, arguments: dict[str, Data], seconds: float | None
    ) -> Call:
        call = await self._desk.open(seconds)
        message = [_CALL, call.flight.call, method, arguments]
        self._desk.begin(call, message)
        return call

    async def _outcome(self, call: Call) -> Reply:
        try:
            await call.ended()
        except asyncio.CancelledError:
            await self._desk.drop(call, "the call")
            raise
        return call.value()

    async def map(
        self,
        method: str,
        arguments: Iterable[Mapping[str, Given]] | AsyncIterable[Mapping[str, Given]],
        *,
        in_flight: int = 64,
        timeout: float | None = None,
    ) -> AsyncGenerator[Reply]:
        """The replies to many calls, in order, with up to `in_flight` under way.

        Raises:
            SandboxError: As `call` does, in the place of the reply.
            PolicyError: If `in_flight` is not between 1 and 1,024.
        """
        check_in_flight(in_flight)
        waiting: deque[Call] = deque()
        try:
            async for one in _each(arguments):
                waiting.append(
                    await self._begin(method, named("arguments", one), timeout)
                )
                if len(waiting) >= in_flight:
                    await waiting[0].ended()
                    yield waiting.popleft().value()
            while waiting:
                await waiting[0].ended()
                yield waiting.popleft().value()
        finally:
            for call in waiting:
                self._desk.cancel(call, "the call")
            for call in waiting:
                await call.ended()

    def stream(
        self,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        items: Iterable[Given] | AsyncIterable[Given] | None = None,
        timeout: float | None = None,
    ) -> AsyncStream:
        """Call a handler that gives its answer in pieces, or takes items, or both.

        Begins when it is first iterated. `items` are taken by a task of their own as
        the handler wants them; a plain iterable must not block.
        """
        given = named("arguments", arguments)
        made = AsyncStream(self._desk, method, given, items, timeout)
        made.owner = self
        return made


class AsyncStream:
    """A call that brings items: iterate it with ``async for``, then await `result`.

    It is cancelled when the loop over it is left early. Items may also be had one by
    one, with ``anext``: that may be given up without an end of the stream, so use it
    as an async context manager then, or `aclose` it.
    """

    def __init__(
        self,
        desk: LoopDesk,
        method: str,
        arguments: dict[str, Data],
        items: Iterable[Given] | AsyncIterable[Given] | None,
        timeout: float | None,
    ) -> None:
        self._desk = desk
        self._method = method
        self._arguments = arguments
        self._items = items
        self._timeout = timeout
        self._call: Call | None = None
        self._feeder: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self.owner: object = None
        """What must live as long as this does."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[Data]:
        try:
            while True:
                try:
                    item = await anext(self)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            await self.aclose()

    async def __anext__(self) -> Data:
        """The next item; waits for it.

        Raises:
            StopAsyncIteration: At the end.
            SandboxError: As `Worker.call` does.
        """
        call = self._call or await self._begin()
        while not call.flight.items:
            if self._failure is not None:
                raise self._failure
            if call.outcome is not None:
                call.value()
                raise StopAsyncIteration
            await call.news()
        return self._take(call)

    async def result(self) -> Reply:
        """The reply that ended the stream: its value is what the generator returned.

        Reads on to the end, dropping what items are left.

        Raises:
            SandboxError: As `Worker.call` does.
        """
        async for _ in self:
            continue
        assert self._call is not None  # noqa: S101  (begun by the loop)
        return self._call.value()

    async def aclose(self) -> None:
        """Cancel what is left of the stream. May be repeated.

        Waits for the worker to confirm, and kills it if it does not do so soon.
        """
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.wait([self._feeder])
        if self._call is not None:
            await self._desk.drop(self._call, "the stream")
            self._desk.line.flights.drop_items(self._call.flight)

    async def _begin(self) -> Call:
        call = await self._desk.open(self._timeout)
        self._call = call
        fed = self._items is not None
        message = opening(call.flight, self._method, self._arguments, fed=fed)
        self._desk.send(call, message, large=3)
        if self._items is not None:
            feeding = self._feed(call, self._items)
            self._feeder = self._desk.loop.create_task(feeding)
        return call

    def _take(self, call: Call) -> Data:
        flight = call.flight
        value = self._desk.line.flights.take_item(flight)
        if count := flight.read_one():
            self._desk.send(call, [_CREDIT, flight.call, count])
        return value

    async def _feed(
        self, call: Call, items: Iterable[Given] | AsyncIterable[Given]
    ) -> None:
        """Send items of ours as the handler wants them, then say that it was all."""
        flight, source = call.flight, _each(items)
        try:
            while True:
                while not flight.may_send and call.outcome is None:
                    await call.news()
                if call.outcome is not None:
                    return
                item = await anext(source)
                flight.may_send -= 1
                self._desk.send(call, [_ITEM, flight.call, item], large=2)
        except StopAsyncIteration:
            self._desk.send(call, [_END, flight.call])
        except Exception as error:
            self._failure = error
            self._desk.cancel(call, "the stream")
            call.tell()
        finally:
            await source.aclose()


async def _each(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for plain in items:
            yield plain

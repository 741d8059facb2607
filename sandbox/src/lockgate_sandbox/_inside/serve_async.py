"""The worker's loop for handlers that are coroutines: all calls run at once.

Only a worker whose handler turned out to be one gets here, and pays for asyncio:
this module is the zygote's, so it imports it when it is needed.
Frames are read as they come, by the event loop; each call is a task that knows
its own call by a context variable.
"""

from __future__ import annotations

import _thread
import contextvars
import os

from lockgate_sandbox._inside.current import Current
from lockgate_sandbox._inside.reserve import keep, spend
from lockgate_sandbox._inside.serve import check_wanted, is_async, wants_items
from lockgate_sandbox._inside.session import check_fds
from lockgate_sandbox._wire.frame import ChannelClosed, Kind, NotDataError
from lockgate_sandbox._wire.raised import CallCancelled, failure, of_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Callable
    from typing import Any, NoReturn

    from lockgate_sandbox._inside.serve import Handler
    from lockgate_sandbox._inside.session import Session
    from lockgate_sandbox._watch.claims import Claims
    from lockgate_sandbox._wire.guest_end import GuestChannel

__all__ = ["serve"]

_CALL, _BATCH, _CANCEL = int(Kind.CALL), int(Kind.BATCH), int(Kind.CANCEL)
_ASK, _ANSWER, _REFUSE = int(Kind.ASK), int(Kind.ANSWER), int(Kind.REFUSE)
_PASSED, _ITEM, _REPLY = int(Kind.PASSED), int(Kind.ITEM), int(Kind.REPLY)
_CREDIT, _PIPE = int(Kind.CREDIT), int(Kind.PIPE)

_CURRENT: contextvars.ContextVar[Task | None] = contextvars.ContextVar(
    "call", default=None
)


class Task(Current):
    """A call that runs as a task."""

    __slots__ = ("answers", "changed", "task")

    def __init__(self, call: bytes) -> None:
        super().__init__(call)
        self.changed = asyncio.Event()
        self.answers: dict[int, asyncio.Future[list[Any]]] = {}
        self.task: asyncio.Task[None] | None = None


class AsyncServer:
    """Answers calls at once, until the host closes the channel."""

    def __init__(
        self,
        session: Session,
        channel: GuestChannel,
        handler: Handler,
        claims: Claims,
        flush: Callable[[], None],
    ) -> None:
        self._session = session
        self._channel = channel
        self._handler = handler
        self._claims = claims
        self._flush = flush
        self._calls: dict[bytes, Task] = {}
        self._me = os.getpid()
        self._loop: asyncio.AbstractEventLoop
        self._thread = _thread.get_ident()

    async def serve(self, first: list[Any], result: Any) -> None:
        """Go on with the first call's `result`, then serve for ever."""
        self._loop = asyncio.get_running_loop()
        self._session.serve_with(self)
        self._begin(first, result, self._session.asked)
        self._loop.add_reader(self._channel.socket.fileno(), self._read)
        self._watch_pipe()
        while self._session.inbox:
            self._take(self._session.inbox.popleft())
        await asyncio.Event().wait()

    def current(self) -> Task | None:
        """The call of the running task."""
        return _CURRENT.get()

    # -- frames --------------------------------------------------------------------

    def _read(self) -> None:
        # A plain `call_host` of a task, or of a thread, may just have read it.
        try:
            if self._channel.has_more():
                frame = self._channel.receive()
                self._add_fds(frame)
                self._take(frame)
        except ChannelClosed:
            os._exit(0)

    def _watch_pipe(self) -> None:
        if self._channel.pipe >= 0:
            self._loop.add_reader(self._channel.pipe, self._read_pipe)

    def _read_pipe(self) -> None:
        try:
            frame = self._channel.from_pipe()
        except ChannelClosed:
            os._exit(0)
        if frame is not None:
            self._take(frame)

    def post(self, frame: list[Any]) -> None:
        """Take a frame that a plain `call_host` came across, on whatever thread."""
        self._add_fds(frame)
        self._loop.call_soon_threadsafe(self._take, frame)

    def _add_fds(self, frame: list[Any]) -> None:
        """Read what follows a frame with descriptors, and put it into the frame."""
        if frame[0] == _PASSED:
            frame.append(self._channel.receive_fds(frame[4]))
        elif frame[0] == _PIPE:
            self._channel.enter_pipe(frame)

    def _take(self, frame: list[Any]) -> None:
        kind = frame[0]
        if kind == _BATCH:
            for inner in frame[1:]:
                self._take(inner)
        elif kind == _CALL:
            self._begin(frame, None)
        elif kind == _PIPE:
            self._watch_pipe()
            self._session.tell([_REPLY, frame[1], self._channel.piped])
        else:
            self._note(frame)

    def _note(self, frame: list[Any]) -> None:
        """A frame about a call under way, or one that is over."""
        now = self._calls.get(frame[1])
        if now is None:
            _close_fds(frame)
            return
        if frame[0] in (_ANSWER, _REFUSE, _PASSED):
            future = now.answers.pop(frame[2], None)
            if future is not None and not future.done():
                future.set_result(frame)
            else:
                _close_fds(frame)
            return
        now.note(frame)
        now.changed.set()
        if frame[0] == _CANCEL and now.task is not None:
            now.task.cancel()

    # -- calls ---------------------------------------------------------------------

    def _begin(self, frame: list[Any], result: Any, asked: int = 0) -> None:
        """`asked`: how often the host was asked for this call before."""
        keep()
        now = Task(frame[1])
        now.sequence = asked
        if wants_items(frame):
            now.open_stream(frame)
        self._calls[now.call] = now
        context = contextvars.copy_context()
        context.run(_CURRENT.set, now)
        now.task = self._loop.create_task(
            self._run(now, frame, result), context=context
        )

    async def _run(self, now: Task, frame: list[Any], result: Any) -> None:
        call = now.call
        try:
            if result is None:
                result = self._handler(frame[2], frame[3])
            message = [_REPLY, call, await self._value(now, frame, result)]
        except asyncio.CancelledError:
            message = failure(call, CallCancelled())
        except BaseException as error:
            spend(error)
            message = failure(call, error, self._claims.limit_of(error))
        if os.getpid() != self._me:
            os._exit(0)  # a child that the handler forked and let come back
        self._flush()
        del self._calls[call]
        now.call = b""
        try:
            self._session.finish(message)
        except ChannelClosed:
            os._exit(0)

    async def _value(self, now: Task, frame: list[Any], result: Any) -> Any:
        if hasattr(result, "__await__"):
            return await result
        if not is_async(result) and not hasattr(result, "__next__"):
            return result
        check_wanted(frame)
        try:
            if is_async(result):
                async for item in result:
                    await self._send_item(now, item)
                return None
            while True:
                try:
                    item = next(result)
                except StopIteration as end:
                    return end.value
                await self._send_item(now, item)
        finally:
            await _close(result)

    async def _send_item(self, now: Task, item: Any) -> None:
        while not now.credit:
            now.changed.clear()
            await now.changed.wait()
        self._session.send_item(now, item)

    # -- for handlers ----------------------------------------------------------------

    async def ask(self, name: str, arguments: dict[str, Any]) -> Any:
        """Run a callback of the host; other calls go on meanwhile."""
        value, fds = await self.ask_fds(name, arguments)
        for fd in fds:
            os.close(fd)
        return value

    def ask_beside(
        self, name: str, arguments: dict[str, Any]
    ) -> tuple[Any, list[int]] | None:
        """`ask_fds` for a thread of the plugin; None on the loop's own thread.

        The loop reads the channel: a thread that read it too would lose answers.
        """
        if _thread.get_ident() == self._thread:
            return None
        asking = self.ask_fds(name, arguments)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    async def ask_fds(
        self, name: str, arguments: dict[str, Any]
    ) -> tuple[Any, list[int]]:
        """`ask`, with the descriptors that came with the answer."""
        now = self._mine()
        now.sequence += 1
        future = self._loop.create_future()
        now.answers[now.sequence] = future
        try:
            message = [_ASK, now.call, now.sequence, name, arguments]
            self._session.tell(message, large=4)
        except NotDataError as error:
            raise TypeError(str(error)) from None
        answer = await future
        if answer[0] == _REFUSE:
            raise of_host(answer)
        if answer[0] != _PASSED:
            return answer[3], []
        check_fds(answer[5], answer[4])
        return answer[3], answer[5]

    async def items(self) -> AsyncGenerator[Any]:
        """The items that the host sends with this call."""
        now = self._mine()
        while True:
            while not now.items and not now.ended:
                now.changed.clear()
                await now.changed.wait()
            if not now.items:
                return
            yield now.items.popleft()
            if count := now.read_one():
                self._session.tell([_CREDIT, now.call, count])

    def _mine(self) -> Task:
        now = _CURRENT.get()
        if now is None or not now.call:
            msg = "the host can be asked only while it waits for this call"
            raise RuntimeError(msg)
        return now


async def _close(items: Any) -> None:
    """End a generator that was left: its ``finally`` blocks run now."""
    if hasattr(items, "aclose"):
        await items.aclose()
    elif hasattr(items, "close"):
        items.close()


def _close_fds(frame: list[Any]) -> None:
    """Let go of descriptors that nobody waits for."""
    if frame[0] == _PASSED:
        for fd in frame[5]:
            os.close(fd)


def serve(
    session: Session,
    channel: GuestChannel,
    handler: Handler,
    claims: Claims,
    flush: Callable[[], None],
    first: tuple[list[Any], Any],
) -> NoReturn:
    """Answer calls at once, the `first` of which has its result; never returns."""
    global asyncio
    import asyncio

    server = AsyncServer(session, channel, handler, claims, flush)
    asyncio.run(server.serve(*first))
    os._exit(0)

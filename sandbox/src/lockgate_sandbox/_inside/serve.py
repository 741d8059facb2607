"""The loop of a worker: calls come in, its handler answers them.

A handler that is a plain function answers one call after the other. One that
returns a generator is read as the host gives credit for items. The first one that
returns something awaitable turns the worker over to `_inside.serve_async`, where all
calls run at once on an event loop.
"""

from __future__ import annotations

import os
import sys
import time

from lockgate_sandbox._inside.reserve import keep, spend
from lockgate_sandbox._inside.serve_direct import answer_plain
from lockgate_sandbox._wire.frame import ChannelClosed, Kind, NotDataError
from lockgate_sandbox._wire.raised import CallCancelled, failure
from lockgate_sandbox._wire.scan import FrameTooLargeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn, TypeAlias

    from lockgate_sandbox._inside.current import Current
    from lockgate_sandbox._inside.session import Session
    from lockgate_sandbox._watch.claims import Claims
    from lockgate_sandbox._wire.guest_end import GuestChannel

    Handler: TypeAlias = Callable[[str, dict[str, Any]], Any]

__all__ = ["Server", "check_wanted", "is_async", "wants_items"]

_CALL, _BATCH, _CANCEL = int(Kind.CALL), int(Kind.BATCH), int(Kind.CANCEL)
_ITEM, _REPLY, _PIPE = int(Kind.ITEM), int(Kind.REPLY), int(Kind.PIPE)
_CONTROL = (int(Kind.CANCEL), int(Kind.CREDIT), int(Kind.ITEM), int(Kind.END))

_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple})
"""Results that are no coroutine and no generator, known at a glance."""

_GATHER_SECONDS = 0.0005
"""Answers to calls that came together wait so long for each other."""


def is_async(result: object) -> bool:
    """Whether a handler's result has to be awaited."""
    kind = type(result)
    return hasattr(kind, "__await__") or hasattr(kind, "__anext__")


def wants_items(frame: list[Any]) -> bool:
    """Whether the host reads the answer of this CALL item by item."""
    return len(frame) > 4


def check_wanted(frame: list[Any]) -> None:
    """Refuse items that the host would not read.

    Raises:
        TypeError: If this CALL is answered whole.
    """
    if not wants_items(frame):
        msg = "the handler gives items, so it is called with Worker.stream"
        raise TypeError(msg)


class Server:
    """Answers calls until the host closes the channel.

    `copies` holds something in a process that the handler forked: one that comes back
    from it has nothing to answer, and ends.
    """

    def __init__(
        self,
        session: Session,
        channel: GuestChannel,
        claims: Claims,
        serve_async: Callable[..., NoReturn],
    ) -> None:
        self.session = session
        self.channel = channel
        self.handler: Handler
        self._claims = claims
        self._serve_async = serve_async
        self.copies: list[bool] = []
        self._flushes: list[Callable[[], object]] = []
        self._later: list[list[Any]] = []
        self._due = 0.0

    def watch_copies(self) -> None:
        """From now on a copy of this process answers nothing. Said once."""
        os.register_at_fork(after_in_child=self._note_copy)

    def begin(self, handler: Handler) -> None:
        """Answer with `handler` from now on."""
        self.handler = handler
        self._flushes = [sys.stdout.flush, sys.stderr.flush]

    def serve(self, first: list[Any] | None = None) -> NoReturn:
        """The loop; it begins with the call that came along with the start, if any."""
        inbox = self.session.inbox
        if first is not None and (inbox or self.session.asked):
            inbox.appendleft(first)
            first = None
        try:
            while True:
                keep()
                frame = inbox.popleft() if inbox else answer_plain(self, first)
                first = None
                kind = frame[0]
                if kind == _CALL:
                    message = self._respond(frame)
                    if inbox or self._later:
                        self._gather(message)
                    else:
                        self._finish(message)
                    del message
                elif kind == _BATCH:
                    self._due = time.monotonic() + _GATHER_SECONDS
                    inbox.extend(frame[1:])
                elif kind == _PIPE:
                    self.channel.enter_pipe(frame)
                    self.channel.send([_REPLY, frame[1], self.channel.piped])
                elif kind in _CONTROL:
                    self.session.drop(frame)
                else:
                    os._exit(70)
                del frame
        except (ChannelClosed, ConnectionResetError):
            os._exit(0)

    def _respond(self, frame: list[Any]) -> list[Any]:
        now = self.session.begin(frame[1])
        if len(frame) > 4:
            self.session.open_stream(now, frame)
        try:
            result = self.handler(frame[2], frame[3])
        except BaseException as error:
            spend(error)
            return self._failure(frame, error)
        return self._answer(frame, now, result)

    def _answer(self, frame: list[Any], now: Current, result: Any) -> list[Any]:
        """The frame that ends a call whose handler has returned `result`."""
        try:
            if type(result) not in _PLAIN:
                result = self._unfold(frame, now, result)
        except BaseException as error:
            spend(error)
            return self._failure(frame, error)
        if self.copies:
            os._exit(0)
        return [_REPLY, frame[1], result]

    def _failure(self, frame: list[Any], error: BaseException) -> list[Any]:
        if self.copies:
            os._exit(0)
        return failure(frame[1], error, self._claims.limit_of(error))

    def settle(self, frame: list[Any], now: Current, result: Any) -> None:
        """End a call whose handler has returned `result`, whatever that is."""
        self._finish(self._answer(frame, now, result))

    def fail(self, frame: list[Any], error: BaseException) -> None:
        """End a call whose handler has raised `error`."""
        self._finish(self._failure(frame, error))

    def _finish(self, message: list[Any]) -> None:
        self.flush()
        self.session.finish(message)

    def _note_copy(self) -> None:
        self.copies.append(True)

    def _unfold(self, frame: list[Any], now: Current, result: Any) -> Any:
        """The final value of a result that is more than data."""
        if is_async(result):
            self.session.end()
            self._send_later()
            self._serve_async(
                self.session,
                self.channel,
                self.handler,
                self._claims,
                self.flush,
                (frame, result),
            )
        if hasattr(result, "__next__"):
            return self._stream(frame, now, result)
        return result

    def _stream(self, frame: list[Any], now: Current, items: Iterator[Any]) -> Any:
        check_wanted(frame)
        session = self.session
        try:
            while session.wait_for_credit(now):
                try:
                    item = next(items)
                except StopIteration as end:
                    return end.value
                session.send_item(now, item)
                del item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
        raise CallCancelled

    def _gather(self, message: list[Any]) -> None:
        """Keep an answer for a moment: the next one may go with it."""
        self.session.end()
        self._later.append(message)
        if not self.session.inbox:
            self._send_later()
        elif time.monotonic() > self._due:
            self._send_later()
            self.session.look_ahead()
            self._due = time.monotonic() + _GATHER_SECONDS

    def _send_later(self) -> None:
        later, self._later = self._later, []
        if not later:
            return
        self.flush()
        try:
            self.session.finish_all(later)
        except (NotDataError, FrameTooLargeError):
            for message in later:  # to find which
                self.session.finish(message)

    def flush(self) -> None:
        """Give the host what was printed, before the answer that follows it."""
        try:
            for flush in self._flushes:
                flush()
        except (OSError, ValueError):  # closed by the plugin
            self._flushes = []

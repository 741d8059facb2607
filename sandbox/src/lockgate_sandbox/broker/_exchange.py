"""One HTTP exchange on a thread of its own, handed to the worker piece by piece.

The worker asks for the next piece and is told to ask again where none has come: no
host callback ever waits for a server longer than `SLICE_SECONDS`, so the call's
deadline, its cancellation and other requests are never held up by one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import SHUT_RDWR, socket

import httpcore

from lockgate_sandbox.broker._crumbs import Crumbs
from lockgate_sandbox.broker._gate import Use
from lockgate_sandbox.broker._pinned import PinnedNetwork
from lockgate_sandbox.broker._quota import Meters, QuotaError
from lockgate_sandbox.broker._refusal import RefusedError
from lockgate_sandbox.broker._rule import RuleError
from lockgate_sandbox.broker._scrub import Scrub
from lockgate_sandbox.broker._web_rules import clean_response_headers
from lockgate_sandbox.errors import HostDescriptorsError
from lockgate_sandbox.grants import HostGrant

__all__ = ["SLICE_SECONDS", "Exchange", "Head", "WebError"]

SLICE_SECONDS = 0.05
_QUEUE_BYTES = 256 << 10
"""What waits on the host for a side that is slower than the other."""

_BEFORE_HEAD_BYTES = 192 << 10
"""A head has 64 KiB at most; the rest is room for informational ones before it."""

Head = tuple[int, list[tuple[str, str]]]


class WebError(ConnectionError):
    """The exchange failed; `code` names the httpx exception that the worker gets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Queue:
    """Bytes from one thread to another, bounded. Closed at the end."""

    def __init__(self, condition: threading.Condition) -> None:
        self._condition = condition
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.ended = False

    def room(self) -> bool:
        return self._size < _QUEUE_BYTES

    def put(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._condition.notify_all()

    def end(self) -> None:
        self.ended = True
        self._condition.notify_all()

    def ready(self) -> bool:
        return bool(self._chunks) or self.ended

    def take(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        self._condition.notify_all()
        return data


class Exchange:
    """A request under way and its response; both flow through bounded queues.

    `admit` is asked on its own thread before anything is sent, `look` with each piece
    of the body before that may pass; both raise to refuse. `short` records that a
    quota ran out on the way, and gives what to tell of it.
    """

    def __init__(
        self,
        request: httpcore.Request,
        grant: HostGrant,
        meters: Meters,
        *,
        admit: Callable[[], None],
        short: Callable[[QuotaError], QuotaError],
        look: Callable[[bytes, bool], None],
        scrub: Scrub,
        crumbs: Crumbs,
        has_body: bool,
    ) -> None:
        self.grant = grant
        self.meters = meters
        self.deadline = time.monotonic() + grant.seconds
        self.socket: socket | None = None
        self.moved = 0
        self.use: Use | None = None
        self.admitted = False
        self._request = request
        self._admit = admit
        self._short = short
        self._look = look
        self._scrub = scrub
        self._crumbs = crumbs
        self._heard = 0
        self._changed = threading.Condition()
        self._up, self._down = _Queue(self._changed), _Queue(self._changed)
        self._head: Head | None = None
        self._error: Exception | None = None
        self._cancelled = False
        if has_body:
            request.stream = self._body()

    # -- the worker's side: callbacks, on whatever thread runs them ----------------

    def write(self, data: bytes, *, last: bool) -> bool:
        """Take a piece of the request's body; False: not now, ask again.

        Raises:
            RefusedError: If it may not pass; the exchange is over then.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._up.room() or self._error is not None, SLICE_SECONDS
            )
            if self._error is not None:
                return True  # `head` tells; what is sent now goes nowhere
            if not self._up.room():
                return False
            try:
                self._look(data, last)
            except Exception as error:
                self._error = error
                self.cancel()
                raise
            if data:
                self._up.put(data)
                self.moved += len(data)
            if last:
                self._up.end()
            return True

    def head(self) -> Head | None:
        """Status and headers; None: not yet, ask again.

        Raises:
            WebError, RefusedError, QuotaError: If the exchange failed.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._head is not None or self._error is not None,
                SLICE_SECONDS,
            )
            if self._head is None and self._error is not None:
                raise self._error
            return self._head

    def read(self) -> tuple[bytes, bool]:
        """The next piece of the response's body, and whether it was the last.

        Raises:
            WebError, RefusedError, QuotaError: If the exchange failed.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._down.ready() or self._error is not None, SLICE_SECONDS
            )
            data = self._down.take()
            if not data and self._error is not None:
                raise self._error
            return data, self._down.ended

    def cancel(self) -> None:
        """End the exchange now, from any thread."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()
            if self.socket is not None:
                with suppress(OSError):  # wakes the thread that waits for it
                    self.socket.shutdown(SHUT_RDWR)

    # -- the exchange's own thread --------------------------------------------------

    def check(self) -> None:
        """Raise if the exchange is to end.

        Raises:
            RevokedError: If its grant was taken back.
            WebError: If it was cancelled.
        """
        if self.use is not None:
            self.use.check()
        if self._cancelled:
            raise WebError("closed", "the request was given up")

    def heard(self, count: int) -> None:
        """Count what the server sent.

        Raises:
            WebError: If it is too much for what comes before an answer's body.
        """
        self._heard += count
        if self._head is None and self._heard > _BEFORE_HEAD_BYTES:
            raise WebError("protocol-failed", "the server's answer does not begin")

    def run(
        self,
        pool: httpcore.ConnectionPool,
        network: PinnedNetwork,
        ended: Callable[[Exchange, str], None],
    ) -> None:
        """Do it from connecting to the last byte; then tell `ended` why it ended."""
        network.enter(self)
        reason, told = "", None
        try:
            self._admit()
            self.admitted = True
            response = pool.handle_request(self._request)
            try:
                self._receive(response)
            finally:
                response.close()
        except Exception as error:
            told = self._tell(error)
            reason = str(told)
        with self._changed:
            self.socket = None  # it may serve another exchange now
            self._error = self._error or told
            self._changed.notify_all()
        ended(self, reason)

    def _tell(self, error: Exception) -> Exception:
        if isinstance(error, QuotaError):
            try:
                return self._short(error)
            except Exception as failed:  # what can't be recorded ends it as well
                return _told(failed)
        return _told(error)

    def _body(self) -> Iterator[bytes]:
        """The request's body as the worker writes it."""
        while True:
            with self._changed:
                while not self._up.ready():
                    self.check()
                    left = self.deadline - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        raise httpcore.WriteTimeout("the request's body never came")
                data, last = self._up.take(), self._up.ended
            if data:
                yield data
            if last:
                return

    def _receive(self, response: httpcore.Response) -> None:
        if response.status == 101:
            raise WebError("protocol-failed", "the server switches the protocol")
        headers = clean_response_headers(response.headers)
        self._scrub.check_encoding(headers)
        head = response.status, [(k, self._scrub.text(v)) for k, v in headers]
        with self._changed:
            self._head = head
            self._changed.notify_all()
        for chunk in response.iter_stream():
            self._put(self._scrub.feed(chunk))
            self._rest(self._crumbs.wait(len(chunk)))
        self._put(self._scrub.rest())
        with self._changed:
            self._down.end()

    def _rest(self, seconds: float) -> None:
        """Do nothing for `seconds`, but end when it is time."""
        if seconds > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._cancelled, seconds)
            self.check()
            if time.monotonic() > self.deadline:
                raise httpcore.ReadTimeout("the response was not sent in time")

    def _put(self, data: bytes) -> None:
        if not data:
            return
        with self._changed:
            while not self._down.room():
                self.check()
                left = self.deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise httpcore.ReadTimeout("the response was not read in time")
            self.check()
            self._down.put(data)
            self.moved += len(data)


def _told(error: Exception) -> Exception:
    """What the worker is told: never more than what its own request was about."""
    if isinstance(error, WebError | RefusedError | QuotaError):
        return error
    if isinstance(error, HostDescriptorsError):
        return WebError("connect-failed", str(error))
    if isinstance(error, PermissionError):
        return RefusedError(str(error))
    if isinstance(error, RuleError):
        return WebError("protocol-failed", str(error))
    if isinstance(error, httpcore.ProtocolError):
        # Its own text may quote headers, those with a credential too.
        whose = (
            "request" if isinstance(error, httpcore.LocalProtocolError) else "answer"
        )
        return WebError("protocol-failed", f"the {whose} is not valid HTTP/1.1")
    codes: tuple[tuple[type[Exception], str], ...] = (
        (httpcore.ConnectTimeout, "connect-timeout"),
        (httpcore.PoolTimeout, "pool-timeout"),
        (httpcore.WriteTimeout, "write-timeout"),
        (httpcore.TimeoutException, "read-timeout"),
        (httpcore.ConnectError, "connect-failed"),
        (httpcore.WriteError, "write-failed"),
        (httpcore.ReadError, "read-failed"),
        (OSError, "connect-failed"),  # its name has no address
    )
    for kind, code in codes:
        if isinstance(error, kind):
            return WebError(code, str(error))
    return WebError("read-failed", f"the exchange failed ({type(error).__name__})")

"""What a target gets inside a worker: itself, its host, and the items of a stream.

One plain handler runs at a time, and while it does, any thread of the plugin may
ask the host; they take turns. Whoever reads the channel puts aside what is meant
for somebody else: calls for later, items and credit for the stream under way.
"""

from __future__ import annotations

import _thread
import errno
import os
from collections import deque

from lockgate_sandbox._inside.current import Current
from lockgate_sandbox._inside.observe import attempts
from lockgate_sandbox._inside.reach import Reach
from lockgate_sandbox._inside.reserve import spend
from lockgate_sandbox._wire.buffers import is_flat
from lockgate_sandbox._wire.frame import Kind, NotDataError
from lockgate_sandbox._wire.raised import (
    TOO_LARGE,
    CallCancelled,
    HostCallError,
    failure,
    of_host,
)
from lockgate_sandbox._wire.scan import FrameTooLargeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from lockgate_sandbox._wire.guest_end import GuestChannel

__all__ = ["Session", "check_fds"]

# As plain ints: the members of an IntEnum cost an attribute look-up per frame.
_CALL, _BATCH, _ANSWER = int(Kind.CALL), int(Kind.BATCH), int(Kind.ANSWER)
_REPLY = int(Kind.REPLY)
_RAISE, _ASK, _PASSED = int(Kind.RAISE), int(Kind.ASK), int(Kind.PASSED)
_REFUSE, _ITEM, _CREDIT = int(Kind.REFUSE), int(Kind.ITEM), int(Kind.CREDIT)
_END, _CANCEL, _ROOM = int(Kind.END), int(Kind.CANCEL), int(Kind.ROOM)


def check_fds(fds: list[int], count: int) -> None:
    """Close `fds` unless they are as many as were announced.

    Raises:
        OSError: If they are fewer.
    """
    if len(fds) != count:
        for fd in fds:
            os.close(fd)
        msg = "too many descriptors are open here, or under way for this user"
        raise OSError(errno.ETOOMANYREFS, msg)


class Session(Reach):
    """A worker's view of itself and of its host.

    `scratch` is the folder it may write to, or None; `programs` maps the names
    of its programs to their paths; `tier` is the name of its tier.
    """

    HostCallError = HostCallError
    CallCancelled = CallCancelled
    observe = attempts
    relieve = staticmethod(spend)

    def __init__(self, channel: GuestChannel, job: Mapping[str, Any]) -> None:
        self._channel = channel
        self.lock = _thread.allocate_lock()
        self._now = Current()
        self._server: Any = None
        self.inbox: deque[list[Any]] = deque()
        self.present(job)

    def present(self, job: Mapping[str, Any]) -> None:
        """Show what `job` says of the worker."""
        self._scratch: str | None = job["scratch"]
        self.programs: dict[str, str] = dict(job["programs"])
        self.tier: str = job["tier"]
        self.name: str = job["name"]
        self.places: tuple[Any, Any] = job["plan"]["rules"], job["scratch"]

    @property
    def scratch(self) -> Path | None:
        """The folder that may be written to, emptied with the worker."""
        if self._scratch is None:
            return None
        from pathlib import Path

        return Path(self._scratch)

    @property
    def cancelled(self) -> bool:
        """Whether the host no longer wants the answer, as far as is known here.

        Looked at whenever the session is used: in `call_host`, in `items`, and by
        a generator's host at each item.
        """
        return self._current().cancelled

    def call_host(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run a callback of the host and give its answer. Any thread may ask.

        Raises:
            HostCallError: If the host refuses or fails.
            CallCancelled: If it no longer wants the answer of this call.
            RuntimeError: If no call is under way: the host listens only then.
            TypeError: If the arguments may not cross the boundary.
        """
        value, fds = self.call_host_fds(name, arguments)
        for fd in fds:
            os.close(fd)
        return value

    def call_host_fds(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> tuple[Any, list[int]]:
        """Like `call_host`, with the file descriptors that came with the answer.

        They are the caller's to close, and close-on-exec.

        Raises:
            HostCallError: If the host refuses or fails.
            CallCancelled: If it no longer wants the answer of this call.
            RuntimeError: If no call is under way: the host listens only then.
            TypeError: If the arguments may not cross the boundary.
        """
        if self._server is not None:
            found = self._server.ask_beside(name, dict(arguments or {}))
            if found is not None:
                answered: tuple[Any, list[int]] = found
                return answered
        now = self._current()
        with self.lock:
            if not now.call:
                msg = "call_host works only while the host waits for a call"
                raise RuntimeError(msg)
            now.sequence += 1
            key = [now.call, now.sequence]
            asked = self._channel.lift(dict(arguments or {}))
            self._channel.send([_ASK, *key, name, asked])
            while True:
                answer = self._channel.receive()
                if answer[1:3] == key and answer[0] in (_ANSWER, _REFUSE, _PASSED):
                    break
                self._put_aside(answer)
            fds = []
            if answer[0] == _PASSED:
                fds = self._channel.receive_fds(answer[4])
                check_fds(fds, answer[4])
        if now.cancelled:
            for fd in fds:
                os.close(fd)
            raise CallCancelled
        if answer[0] == _REFUSE:
            raise of_host(answer)
        return answer[3], fds

    async def acall_host(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> Any:
        """`call_host` for coroutines: other calls go on meanwhile.

        Raises:
            HostCallError: If the host refuses or fails.
            RuntimeError: If no call is under way in this task.
            TypeError: If the arguments may not cross the boundary.
        """
        if self._server is None:
            msg = "acall_host works in a handler that is a coroutine"
            raise RuntimeError(msg)
        return await self._server.ask(name, dict(arguments or {}))

    def items(self) -> Iterator[Any]:
        """The items that the host sends with this call, each when it is wanted.

        Raises:
            CallCancelled: If the host no longer wants the answer.
        """
        now = self._current()
        while True:
            while not (now.items or now.ended or now.cancelled):
                self._look(now)
            if now.cancelled:
                raise CallCancelled
            if not now.items:
                return
            yield now.items.popleft()
            if count := now.read_one():
                self.tell([_CREDIT, now.call, count])

    async def aitems(self) -> Any:
        """`items` for coroutines: an asynchronous iterator.

        Raises:
            RuntimeError: If no call is under way in this task.
        """
        if self._server is None:
            msg = "aitems works in a handler that is a coroutine"
            raise RuntimeError(msg)
        async for item in self._server.items():
            yield item

    # -- for the server ----------------------------------------------------------

    def serve_with(self, server: Any) -> None:
        """From now on coroutines answer; `server` knows which call is whose."""
        self._server = server

    def _current(self) -> Current:
        if self._server is not None:
            found: Current | None = self._server.current()
            if found is not None:
                return found
        return self._now

    def begin(self, call: bytes) -> Current:
        """Allow `call_host` for this call of the host's.

        One that came with the start goes on where that was: its questions are counted
        together.
        """
        now = self._now
        if call and now.call == call:
            return now
        if now.touched:
            now = self._now = Current(call)
        now.call, now.sequence = call, 0
        return now

    @property
    def asked(self) -> int:
        """How often the host was asked for the call that began last."""
        return self._now.sequence

    def end(self) -> None:
        """The call is answered: nothing more may be asked."""
        # The lock: a thread of the plugin may be in the middle of `call_host`.
        with self.lock:
            self._now.call = b""

    def finish(self, message: list[Any]) -> None:
        """Send what ends the call; afterwards nothing may be asked."""
        with self.lock:
            self._now.call = b""
            call = message[1]
            try:
                if message[0] == _REPLY and is_flat(message[2]):
                    self._channel.send_flat(message)
                else:
                    message[2] = self._channel.lift(message[2])
                    self._channel.send(message)
            except NotDataError as error:
                self._channel.send([_RAISE, call, "TypeError", str(error), "", None])
            except FrameTooLargeError as error:
                used = {"limit": error.limit, "used": error.used, "unit": error.unit}
                self._channel.send([_RAISE, call, TOO_LARGE, str(error), "", used])

    def finish_all(self, messages: list[list[Any]]) -> None:
        """Send what ends several calls at once.

        Raises:
            NotDataError: If one of them may not cross; none was sent.
            FrameTooLargeError: If they are too large together.
        """
        with self.lock:
            # Not in place: if they are too large together, each goes by itself.
            lift = self._channel.lift
            lifted = [[*one[:2], lift(one[2]), *one[3:]] for one in messages]
            self._channel.send([_BATCH, *lifted])

    def tell(self, message: list[Any], *, large: int = 0) -> None:
        """Send a frame that ends nothing; element `large` may hold large buffers.

        Raises:
            NotDataError: If it may not cross.
            FrameTooLargeError: If it exceeds a cap.
        """
        with self.lock:
            if large:
                message[large] = self._channel.lift(message[large])
            self._channel.send(message)

    def send_item(self, now: Current, item: Any) -> None:
        """Send one item of a call that has credit for it.

        Raises:
            TypeError: If it may not cross.
            FrameTooLargeError: If it exceeds a cap.
        """
        now.credit -= 1
        try:
            self.tell([_ITEM, now.call, item], large=2)
        except NotDataError as error:
            raise TypeError(str(error)) from None

    def ask_for_room(self, size: int) -> None:
        """Have the host attach a ring for a buffer of `size` bytes.

        Whoever places buffers holds the lock: they are read in the order of frames.
        """
        if size > self._channel.limit:
            return
        self._channel.send([_ROOM, size])
        while True:
            frame = self._channel.receive_or_attach()
            if frame is None:
                return
            self._put_aside(frame)

    def wait_for_credit(self, now: Current) -> bool:
        """Wait until an item may be sent; false if nobody wants it any more."""
        while not now.credit and not now.cancelled:
            self._look(now)
        return not now.cancelled

    def _look(self, now: Current) -> None:
        """Read one frame, unless another thread has just read what we wait for."""
        before = (now.credit, len(now.items), now.ended, now.cancelled)
        with self.lock:
            if before == (now.credit, len(now.items), now.ended, now.cancelled):
                self._put_aside(self._channel.receive())

    def look_ahead(self) -> None:
        """Take what has come meanwhile: perhaps a call in line is cancelled."""
        with self.lock:
            while self._channel.has_more():
                self._put_aside(self._channel.receive())

    def _put_aside(self, frame: list[Any]) -> None:
        """Keep a frame for whom it concerns."""
        kind = frame[0]
        if kind == _BATCH:
            for inner in frame[1:]:
                self._put_aside(inner)
        elif self._server is not None:
            self._server.post(frame)
        elif kind == _CALL:
            self.inbox.append(frame)
        elif frame[1] == self._now.call:
            self._now.note(frame)
        else:
            self.drop(frame)

    def drop(self, frame: list[Any]) -> None:
        """A frame about a call that has not begun, or is over.

        A call in line need not begin any more if it is cancelled; what else comes for
        it waits behind it.
        """
        call = frame[1]
        if not any(waiting[1] == call for waiting in list(self.inbox)):
            return
        if frame[0] != _CANCEL:
            self.inbox.append(frame)
            return
        self._take_early(call)
        self._channel.send(failure(call, CallCancelled()))

    def _take_early(self, call: bytes) -> list[list[Any]]:
        """What lies in the inbox for `call`, no longer there."""
        early = [frame for frame in list(self.inbox) if frame[1] == call]
        for frame in early:
            self.inbox.remove(frame)
        return early

    def open_stream(self, now: Current, frame: list[Any]) -> None:
        """Begin what a CALL says about its streams; some of it may have come."""
        now.open_stream(frame)
        for early in self._take_early(now.call):
            now.note(early)

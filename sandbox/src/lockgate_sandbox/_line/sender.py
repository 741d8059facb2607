"""The sending half of a line: one frame at a time, large buffers beside it.

Raises what the channel raises; what that means for a call is the line's business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._watch import descriptors
from lockgate_sandbox._wire.arena import Arena, Region
from lockgate_sandbox._wire.buffers import is_flat
from lockgate_sandbox._wire.frame import Kind, NotDataError
from lockgate_sandbox._wire.host_end import HostChannel
from lockgate_sandbox._wire.scan import FrameTooLargeError

__all__ = ["Sender", "is_light"]

_TURN_SECONDS = 0.005
"""How often a thread whose turn it is not looks at what has come."""

_PIPE_DESCRIPTORS = 5  # two pipes and their ear
_BATCH, _SEGMENT, _PIPE = int(Kind.BATCH), int(Kind.SEGMENT), int(Kind.PIPE)

_LIGHT_CHARS = 8192
_LIGHT_NODES = 256
"""What is no larger is encoded and sent in passing."""

_SCALARS = frozenset({type(None), bool, int, float})


def is_light(value: object) -> bool:
    """Whether a value is certainly small enough to be sent in passing."""
    nodes, chars, stack = 0, 0, [value]
    while stack:
        item: Any = stack.pop()
        kind = type(item)  # pyright: ignore[reportUnknownVariableType]
        if kind in _SCALARS:
            continue
        if kind is str or kind is bytes:
            chars += len(item)
        elif kind is dict or kind is list:
            nodes += len(item)
            if nodes <= _LIGHT_NODES:
                stack.extend(item)
                if kind is dict:
                    stack.extend(item.values())
        else:
            return False
        if chars > _LIGHT_CHARS or nodes > _LIGHT_NODES:
            return False
    return True


class _Turn:
    """A lock of whose holder others know that it may wait for them to read.

    A worker that waits until it is read takes nothing: so whoever waits for the lock
    reads. Reentrant, because a message may bring new segments before it.
    """

    __slots__ = ("_wait", "lock")

    def __init__(self, wait: Callable[[], object]) -> None:
        self.lock = threading.RLock()
        self._wait = wait

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            self.take()

    def take(self) -> None:
        """Wait for the lock, which another thread has."""
        while not self.lock.acquire(timeout=_TURN_SECONDS):
            self._wait()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


class Sender:
    """Sends for all threads, which take turns.

    `wait` is called while the worker takes nothing. `limit` bounds a message.
    """

    def __init__(
        self, channel: HostChannel, limit: int, wait: Callable[[], object]
    ) -> None:
        self.arena = Arena(limit)
        channel.share(self.arena)
        self._channel = channel
        self._wait = wait
        self._turn = _Turn(wait)
        self.lock = self._turn.lock
        self._acquire = self._turn.lock.acquire
        self._release = self._turn.lock.release

    def send(self, message: list[Any], *, flat: bool = False) -> None:
        """Send a frame that holds no large buffers; `flat`: nothing to be checked.

        Raises:
            NotDataError: If it may not cross; nothing was sent.
            FrameTooLargeError: If it is too large; nothing was sent, unless it
                says that it was received meanwhile.
            ChannelClosed: If the worker is gone.
        """
        with self._turn:
            if flat:
                self._channel.send_flat(message, self._wait)
            else:
                self._channel.send(message, self._wait)

    def send_large(self, message: list[Any], at: int) -> list[Region]:
        """Send a frame, the large buffers in its element `at` beside it.

        Gives the shared memory that these take up: the caller's to free.

        Raises:
            NotDataError: As `send` does.
            FrameTooLargeError: As `send` does.
            ChannelClosed: As `send` does.
        """
        arena = self.arena
        flat = is_flat(message[at])
        # Every call's way, hence no `with`, which costs as much as the whole lock.
        if not self._acquire(blocking=False):
            self._turn.take()
        try:
            if flat:
                self._channel.send_flat(message, self._wait)
                return []
            value = message[at]
            try:
                message[at] = self._channel.lift(value)
                if arena.unsent and not self._send_segments():
                    arena.placed_bytes = 0
                    arena.free(arena.take_placed())
                    message[at], arena.inline = value, True
                self._channel.send(message, self._wait)
            except (NotDataError, FrameTooLargeError):
                arena.placed_bytes = 0
                arena.free(arena.take_placed())
                message[at] = value  # as it was given, for whoever tells of it
                raise
            return arena.take_placed() if arena.placed else []
        finally:
            arena.inline = False
            self._release()

    def send_batch(self, messages: Sequence[list[Any]]) -> None:
        """Send many frames in one.

        Raises:
            NotDataError: If one may not cross; none was sent.
            FrameTooLargeError: As `send` does.
            ChannelClosed: As `send` does.
        """
        self.send([_BATCH, *messages])

    def send_now(self, message: list[Any]) -> bool:
        """Send a short frame if it can be done at once, else not at all.

        Raises:
            NotDataError: If it may not cross.
            FrameTooLargeError: If it is too large.
            ChannelClosed: If the worker is gone.
        """
        if not self._turn.lock.acquire(blocking=False):
            return False  # another thread's frame is just being sent
        try:
            return self._channel.send_now(message)
        finally:
            self._turn.lock.release()

    def send_with_fds(self, message: list[Any], fds: Sequence[int]) -> bool:
        """Send a frame that announces descriptors, then them.

        False if they can't be sent; the worker was told so.

        Raises:
            NotDataError: As `send` does.
            FrameTooLargeError: As `send` does.
            ChannelClosed: As `send` does.
        """
        with self._turn:
            self._channel.send(message, self._wait)
            return self._channel.send_fds(fds, self._wait)

    def enter_pipe(
        self, call: bytes, under_way: Mapping[bytes, Flight], output: int
    ) -> bool | None:
        """Have the worker use the pipes for calls in a row; it answers `call` for it.

        `output` is what it prints to, which their ear hears. False if there can be
        no pipes, None if another call is under way as well. A worker that its ends
        can't be sent to is told so, and answers that it has none.

        Raises:
            ChannelClosed: If the worker is gone.
        """
        channel = self._channel
        with self._turn:
            if len(under_way) > 1:
                return None
            if not descriptors.has_room(_PIPE_DESCRIPTORS):
                return False
            try:
                pipe = channel.open_pipe(output)
            except OSError:
                return False
            fds = pipe.guests
            channel.send([_PIPE, call, len(fds), pipe.answer_bytes], self._wait)
            if fds and channel.send_fds(fds, self._wait):
                pipe.given()
            channel.piped = True
        return True

    def make_room(self, size: object) -> None:
        """Give the worker the larger ring that it asks for.

        Raises:
            FrameError: If it asks for nonsense, or too often.
            FrameTooLargeError: If that is more than a message may hold.
            ChannelClosed: If it is gone.
        """
        with self._turn:
            self.arena.make_room(size)
            if self.arena.unsent:
                self._send_segments()
            else:  # there is no room for one here; it waits for an answer
                self._channel.send([_SEGMENT, 0, 0, True, []], self._wait)
                self._channel.send_fds((), self._wait)

    def _send_segments(self) -> bool:
        """Give the worker the segments that were made since the last time.

        False if one could not be given: then nothing may lie in it.
        """
        arena, complete = self.arena, True
        # Not this frame's, but the one's that is being made.
        placed, arena.placed_bytes = arena.placed_bytes, 0
        while arena.unsent:
            segment = arena.unsent.pop(0)
            dropped, arena.dropped = arena.dropped, []
            about = [segment.number, segment.size, segment.writable, dropped]
            if self.send_with_fds([_SEGMENT, *about], [segment.fd]):
                segment.close_fd()
            else:
                arena.lose(segment)
                complete = False
        arena.placed_bytes = placed
        return complete

    def close(self) -> None:
        """Close the channel and unmap what was shared: the worker is dead."""
        with self._turn.lock:
            self._channel.close()
            self.arena.close()

"""The worker's end of its channel: it trusts its host, and takes what that shares."""

from __future__ import annotations

import os

from lockgate_sandbox._wire.frame import (
    LEAVE,
    LENGTH,
    PACKET_BYTES,
    ChannelClosed,
    Kind,
    never,
)
from lockgate_sandbox._wire.ring import Ring
from lockgate_sandbox._wire.wire import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from lockgate_sandbox._wire.frame import Wait

    Decode: TypeAlias = Callable[[bytes | memoryview], Any]
    Encode: TypeAlias = Callable[[Any, bytearray, int], None]

__all__ = ["GuestChannel"]

_SEGMENT = int(Kind.SEGMENT)
_PIPES = 2  # one for calls, one for answers


class GuestChannel(Channel):
    """The worker's end: it trusts its host, and takes the segments that come."""

    __slots__ = ("_view", "answer_bytes", "answers", "pipe", "piped")

    def __init__(self, sock: _socket.socket, limit: int) -> None:
        super().__init__(sock, limit, trusting=True)
        self._view = memoryview(self._buffer)
        self.pipe = self.answers = -1
        self.answer_bytes = 0
        self.piped = False

    def receive(self, wait: Wait = never) -> list[Any]:
        """Receive the next frame that is for the session.

        Raises:
            ChannelClosed: If the host is gone.
        """
        size = self._receive_packet(wait)
        if 5 < size <= PACKET_BYTES and LENGTH.unpack_from(self._buffer)[0] == size - 4:
            return self.attend(self._decode(self._view[4:size]))
        return self.read(size)

    def parts(self) -> tuple[memoryview, Decode, Encode]:
        """What a frame is received into, decoded and encoded with."""
        return self._view, self._decode, self._encode_into

    def read(self, size: int) -> list[Any]:
        """The next frame for the session; of one a packet of `size` bytes has come.

        Raises:
            ChannelClosed: If the host is gone.
        """
        return self.attend(self._read(size, never))

    def attend(self, message: list[Any]) -> list[Any]:
        """`message`, or if that is a segment, the next frame for the session.

        Raises:
            ChannelClosed: If the host is gone.
        """
        while message[0] == _SEGMENT:
            self._attach(message)
            message = super().receive()
        return message

    def enter_pipe(self, frame: list[Any]) -> None:
        """Take the pipes that a PIPE frame is about, if there are descriptors left."""
        _, _, count, self.answer_bytes = frame
        fds = self.receive_fds(count) if count else []
        if len(fds) == _PIPES:
            self.pipe, self.answers = fds
        else:
            for fd in fds:
                os.close(fd)
        self.piped = self.pipe >= 0

    def from_pipe(self) -> list[Any] | None:
        """Read the pipe: the next frame, or None if it comes by the socket.

        Raises:
            ChannelClosed: If the host is gone.
        """
        data = os.read(self.pipe, PACKET_BYTES)
        try:
            frame = self._decode(data)
        except ValueError:
            return self.sort_out(data)
        if type(frame) is not list:
            return self.sort_out(data)
        return frame  # pyright: ignore[reportUnknownVariableType]

    def sort_out(self, data: bytes) -> list[Any] | None:
        """The frame in what was read from the pipe; None if there is none.

        Afterwards `piped` says where the next one comes from.

        Raises:
            ChannelClosed: If the host is gone.
        """
        if not data:
            raise ChannelClosed
        call = data.lstrip(LEAVE)
        self.piped = len(call) == len(data)
        if not call:
            return None
        self.piped = True
        try:
            frame: list[Any] = self._decode(call)
        except ValueError:  # one more behind it
            self.piped = False
            frame = self._decode(call[: -len(LEAVE)])
        return frame

    def receive_or_attach(self) -> list[Any] | None:
        """One frame for the session, None once a ring is attached.

        Raises:
            ChannelClosed: If the host is gone.
        """
        while True:
            message = super().receive()
            if message[0] != _SEGMENT:
                return message
            if self._attach(message):
                return None

    def _attach(self, message: list[Any]) -> bool:
        """Take a segment; whether it is one to write to."""
        _, number, size, writable, dropped = message
        ring = self._buffers
        fds = self.receive_fds(1)
        if isinstance(ring, Ring):
            if writable and not fds:  # it could not be sent
                ring.detach()
            for fd in fds:
                ring.attach(number, fd, size, writable)
            ring.drop(dropped)
        for fd in fds:
            os.close(fd)
        return bool(writable)

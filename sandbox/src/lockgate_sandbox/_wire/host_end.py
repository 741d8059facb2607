"""The host's end of a worker's channel: what is plain is checked while it is decoded.

Most answers are short and plain: text, numbers, maps and lists of them, few levels
deep. For those `msgspec` itself compares each byte with the one form that is
allowed, and refuses whatever else it meets before it makes anything of it; what it
refuses is looked at from the start, by `_wire.scan`, as every other frame.
"""

from __future__ import annotations

from _socket import MSG_DONTWAIT
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from lockgate_sandbox._wire.frame import (
    LENGTH,
    PACKET_BYTES,
    ChannelClosed,
    Kind,
    never,
)
from lockgate_sandbox._wire.host_pipe import HostPipe
from lockgate_sandbox._wire.scan import NODE_BYTES, FrameError, check
from lockgate_sandbox._wire.wire import TRUE_LENGTH, Channel

if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Container

    from lockgate_sandbox._wire.frame import Wait

__all__ = ["PLAIN_LEVELS", "HostChannel", "decode_plain"]

_REPLY = int(Kind.REPLY)
_AT_ONCE = TRUE_LENGTH | MSG_DONTWAIT

PLAIN_LEVELS = 4
"""How deep the value of a plain frame may be."""


def _plain(levels: int) -> Any:
    """Data without bytes and extensions, as a type: `levels` of maps and lists."""
    scalar: Any = None | bool | int | float | str
    if not levels:
        return scalar
    inner: Any = _plain(levels - 1)
    return scalar | dict[str, inner] | list[inner]


# Kind, id, value: a REPLY, or an ITEM. Nothing is reserved for a length that is only
# claimed: `msgspec` makes a list as its elements come (`test_host_channel`).
_FRAME: Any = tuple.__class_getitem__((int, bytes, _plain(PLAIN_LEVELS)))
decode_plain: Callable[[bytes | memoryview], Any] = msgpack.Decoder(_FRAME).decode


class HostChannel(Channel):
    """The host's end: it believes nothing that comes.

    While it is `piped` calls go by the pipe. `owed` is the last one that did: as long
    as it is `under_way`, its answer may come by the pipe too. `beside` says that the
    socket had something too when an answer came by the pipe, which nothing asked for:
    the next call goes by the socket, where that is read first.
    """

    __slots__ = ("_plain_end", "_view", "beside", "owed", "pipe", "piped", "under_way")

    def __init__(self, sock: _socket.socket, limit: int) -> None:
        super().__init__(sock, limit)
        self._view = memoryview(self._buffer)
        self._plain_end = 0
        self.pipe: HostPipe | None = None
        self.piped = False
        self.beside = False
        self.owed = b""
        self.under_way: Container[bytes] = ()

    # -- the pipes ------------------------------------------------------------------

    def open_pipe(self, also: int) -> HostPipe:
        """The pipes, made if there are none; their ear hears `also`, a descriptor, too.

        Raises:
            OSError: If there is no descriptor left.
            ChannelClosed: If this is closed.
        """
        if self.pipe is None:
            end = self.socket.fileno()
            if end < 0:
                raise ChannelClosed
            self.pipe = HostPipe((end, also) if also >= 0 else (end,))
        return self.pipe

    def leave_pipe(self) -> None:
        """Tell the worker that the next frame comes by the socket.

        Raises:
            FrameError: If it has left its pipe unread.
        """
        self.piped = self.beside = False
        if self.pipe is not None:
            self.pipe.leave()

    def drop_pipe(self) -> None:
        """Close the pipes, which the worker did not take."""
        pipe, self.pipe, self.piped = self.pipe, None, False
        if pipe is not None:
            pipe.close()

    @property
    def owing(self) -> int:
        """The descriptor that an answer may come by, beside the socket; else -1."""
        if self.pipe is None or self.owed not in self.under_way:
            return -1
        return self.pipe.answers.fileno()

    def send(self, message: list[Any], wait: Wait = never) -> None:
        """Send one frame whole, by the socket.

        Raises:
            NotDataError: As `Channel.send` does.
            FrameTooLargeError: As `Channel.send` does.
            ChannelClosed: As `Channel.send` does.
            FrameError: If the worker has left its pipe unread.
        """
        if self.piped:
            self.leave_pipe()
        super().send(message, wait)

    def send_flat(self, message: list[Any], wait: Wait = never) -> None:
        """Send one frame whole, by the socket, of whose value is known that it is flat.

        Raises:
            NotDataError: As `Channel.send_flat` does.
            FrameTooLargeError: As `Channel.send_flat` does.
            ChannelClosed: As `Channel.send_flat` does.
            FrameError: If the worker has left its pipe unread.
        """
        if self.piped:
            self.leave_pipe()
        super().send_flat(message, wait)

    def send_now(self, message: list[Any]) -> bool:
        """Send a frame of one packet, by the socket, if there is room for it at once.

        Raises:
            NotDataError: As `Channel.send_now` does.
            FrameTooLargeError: As `Channel.send_now` does.
            ChannelClosed: As `Channel.send_now` does.
            FrameError: If the worker has left its pipe unread.
        """
        if self.piped:
            self.leave_pipe()
        return super().send_now(message)

    def close(self) -> None:
        """Close the socket and the pipes; a blocked peer sees the end."""
        super().close()
        self.drop_pipe()

    # -- receiving ------------------------------------------------------------------

    @property
    def received_bytes(self) -> int:
        """What the last frame takes, its nodes in memory included."""
        end = self._plain_end
        if not end:
            return self._received_bytes
        # Asked for a frame only that may lie here until somebody takes it.
        nodes = check(self._buffer, LENGTH.size, end)
        return end - LENGTH.size + max(0, nodes) * NODE_BYTES

    def receive(self, wait: Wait = never) -> Any:
        """Receive one frame whole and decode it: a list, or a tuple.

        Raises:
            FrameError: If the worker broke the layout.
            FrameTooLargeError: If the frame exceeds a cap.
            ChannelClosed: If it is gone.
        """
        if self.owed in self.under_way:
            return self._receive_either(wait)
        return self.read(self._receive_packet(wait), wait)

    def _receive_either(self, wait: Wait) -> Any:
        """`receive`, by the pipe or by the socket.

        By the pipe first: a worker that answers there and ends has answered.
        """
        while True:
            came = None
            if self.pipe is not None:
                came = self.pipe.answers.readinto(self._view[LENGTH.size :])
                if came:
                    return self.read_answer(came)
            try:
                size = self.socket.recv_into(self._buffer, PACKET_BYTES, _AT_ONCE)
            except BlockingIOError:
                if came is not None:  # the end of the pipe, and the socket says nothing
                    raise ChannelClosed from None
                wait()
            except ConnectionResetError:
                raise ChannelClosed from None
            else:
                return self.read(size, wait)

    def read_answer(self, size: int) -> Any:
        """The answer of `size` bytes that was read from the pipe, behind the length.

        Raises:
            FrameError: If it is not a plain REPLY and nothing else.
            ChannelClosed: If the worker is gone.
        """
        if not size:
            raise ChannelClosed
        end = LENGTH.size + size
        try:
            frame = decode_plain(self._view[LENGTH.size : end])
        except (ValueError, RecursionError) as error:
            msg = f"no plain answer by the pipe: {error}"
            raise FrameError(msg) from None
        if frame[0] != _REPLY:
            msg = f"a frame of kind {frame[0]} by the pipe"
            raise FrameError(msg)
        self._plain_end = end
        return frame

    @property
    def room(self) -> memoryview:
        """Where packets are received (`_line.direct`)."""
        return self._view

    def read(self, size: int, wait: Wait) -> Any:
        """The frame of which a first packet of `size` bytes has been received.

        Raises:
            FrameError: As `receive` does.
            FrameTooLargeError: As `receive` does.
            ChannelClosed: As `receive` does.
        """
        buffer = self._buffer
        if 5 < size <= PACKET_BYTES and LENGTH.unpack_from(buffer)[0] == size - 4:
            try:
                frame = decode_plain(self._view[4:size])
            except (ValueError, RecursionError):
                pass  # not plain, or no frame at all
            else:
                self._plain_end = size
                return frame
        self._plain_end = 0
        return self._read(size, wait)

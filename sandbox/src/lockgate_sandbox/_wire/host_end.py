"""The host's end of a worker's channel: what is plain is checked while it is decoded.

Most answers are short and plain: text, numbers, maps and lists of them, few levels
deep. For those `msgspec` itself compares each byte with the one form that is
allowed, and refuses whatever else it meets before it makes anything of it; what it
refuses is looked at from the start, by `_wire.scan`, as every other frame.
"""

from __future__ import annotations

import os
from fcntl import F_GETPIPE_SZ, fcntl
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from lockgate_sandbox._wire.frame import (
    LEAVE,
    LENGTH,
    PACKET_BYTES,
    ChannelClosed,
    never,
)
from lockgate_sandbox._wire.scan import NODE_BYTES, FrameError, check
from lockgate_sandbox._wire.wire import TRUE_LENGTH, Channel

if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from lockgate_sandbox._wire.frame import Wait

__all__ = ["PLAIN_LEVELS", "HostChannel", "decode_plain"]

_PAGE_BYTES = 4096

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
    """The host's end: it believes nothing that comes."""

    __slots__ = ("_pipe", "_plain_end", "_view", "piped")

    def __init__(self, sock: _socket.socket, limit: int) -> None:
        super().__init__(sock, limit)
        self._view = memoryview(self._buffer)
        self._plain_end = 0
        self._pipe: tuple[int, int] | None = None
        self.piped = False

    # -- the pipe -------------------------------------------------------------------

    def open_pipe(self) -> list[int]:
        """Make the pipe if there is none; what the worker has to get of it.

        Raises:
            OSError: If there is no descriptor left.
            ChannelClosed: If this is closed.
        """
        if self._pipe is not None:
            return []
        if self.socket.fileno() < 0:
            raise ChannelClosed
        # Both ends are kept: so a write is never a SIGPIPE to an embedder. That the
        # worker is gone the socket tells.
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        return [self._pipe[0]]

    @property
    def pipe_end(self) -> int:
        """The descriptor that calls are written to while this is `piped`."""
        return self._pipe[1] if self._pipe else -1

    @property
    def pipe_bytes(self) -> int:
        """What goes through the pipe at once, with a `LEAVE` before it.

        A user who has many pipes gets small ones.
        """
        return fcntl(self.pipe_end, F_GETPIPE_SZ) - _PAGE_BYTES

    def leave_pipe(self) -> None:
        """Tell the worker that the next frame comes by the socket.

        Raises:
            FrameError: If it has left its pipe unread.
        """
        self.piped = False
        try:
            os.write(self.pipe_end, LEAVE)
        except BlockingIOError:
            msg = "what came by the pipe is not read"
            raise FrameError(msg) from None

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
        """Close the socket and the pipe; a blocked peer sees the end."""
        super().close()
        pipe, self._pipe, self.piped = self._pipe, None, False
        for fd in pipe or ():
            os.close(fd)

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
        try:
            size = self.socket.recv_into(self._buffer, PACKET_BYTES, TRUE_LENGTH)
        except BlockingIOError:
            wait()
            size = self._receive_packet(wait)
        except ConnectionResetError:
            raise ChannelClosed from None
        return self.read(size, wait)

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

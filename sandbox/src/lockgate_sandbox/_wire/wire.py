"""One end of a worker's socket: sends and receives frames (`_wire.frame`), checked.

What a frame is made of is checked by `_wire.scan` before anything is allocated for it:
length, depth, number of nodes, string keys, no extension types. Both sides scan what
they send too, so that an honest mistake is an exception where it was made and no killed
worker.

A host never reads file descriptors from a channel: a plain ``recv`` gives the
kernel no room for ancillary data, so it closes whatever a worker smuggles in. A
worker takes those that a `PASSED` frame announces, from the packet behind it.

This module runs in both the host and the worker, hence the bare ``_socket``: the
zygote stays lean without the module around it.
"""

from __future__ import annotations

import _socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import msgpack

from lockgate_sandbox._wire.buffers import lift, to_extension
from lockgate_sandbox._wire.frame import (
    FDS,
    LENGTH,
    PACKET_BYTES,
    ChannelClosed,
    NotDataError,
    Wait,
    never,
)
from lockgate_sandbox._wire.scan import (
    NODE_BYTES,
    FrameError,
    FrameTooLargeError,
    check,
    check_keys,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Buffers(Protocol):
        """Shared memory, as either side has it."""

        placed_bytes: int
        read_bytes: int

        def place(self, data: memoryview) -> tuple[int, int] | None:
            """Put a copy of `data` there; None where there is no room."""
            ...

        def place_now(self, data: memoryview) -> tuple[int, int] | None:
            """`place`, in the middle of making a frame."""
            ...

        def extension(self, code: int, data: memoryview) -> bytes | memoryview:
            """What an extension of the peer's stands for."""
            ...


__all__ = ["GONE", "NO_SIGNAL", "TRUE_LENGTH", "Channel"]

# Looked up once: each of these is a matter of every frame.
NO_SIGNAL = _socket.MSG_NOSIGNAL
TRUE_LENGTH = _socket.MSG_TRUNC
GONE = (BrokenPipeError, ConnectionResetError, ConnectionRefusedError)


def _no_extension(code: int, _: memoryview) -> None:
    msg = f"an extension of code {code}, and no segment"
    raise FrameError(msg)


class Channel:
    """One end of a worker's socket; owns it. Used by one thread at a time.

    `limit` is the largest value in bytes, either way, and may be changed. If the
    socket has kernel timeouts (SO_RCVTIMEO, SO_SNDTIMEO), `wait` is called at each of
    them. A worker is `trusting`: what its host sends is not scanned.
    """

    __slots__ = (
        "_buffer",
        "_buffers",
        "_decode",
        "_encode_into",
        "_out",
        "_received_bytes",
        "_trusting",
        "limit",
        "partial",
        "socket",
    )

    def __init__(
        self, sock: _socket.socket, limit: int, *, trusting: bool = False
    ) -> None:
        self.socket = sock
        self._trusting = trusting
        self.limit = limit
        self._received_bytes = 0
        self.partial = False
        self._buffer = bytearray(PACKET_BYTES)
        self._out = bytearray(4096)
        self._buffers: Buffers | None = None
        self._encode_into: Callable[[Any, bytearray, int], None] = (
            msgpack.Encoder().encode_into
        )
        self._decode: Callable[[Any], Any] = msgpack.Decoder(
            ext_hook=_no_extension
        ).decode

    @property
    def received_bytes(self) -> int:
        """What the last frame takes, its nodes in memory included."""
        return self._received_bytes

    def share(self, buffers: Buffers) -> None:
        """Let large buffers go beside the frames from now on."""
        self._buffers = buffers

        def encode(item: Any) -> Any:
            return to_extension(item, buffers.place_now)

        self._encode_into = msgpack.Encoder(enc_hook=encode).encode_into
        self._decode = msgpack.Decoder(ext_hook=buffers.extension).decode

    def lift(self, value: Any) -> Any:
        """`value` with its large buffers put beside the frame it will be in.

        Raises:
            NotDataError: If it holds an array of a format that can't cross.
        """
        if self._buffers is None:
            return value
        try:
            return lift(value, self._buffers.place)
        except (TypeError, ValueError) as error:
            raise NotDataError(str(error)) from None

    def send(self, message: list[Any], wait: Wait = never) -> None:
        """Send one frame whole.

        Raises:
            NotDataError: If the message has a type that may not cross.
            FrameTooLargeError: If it exceeds a cap. Nothing was sent then.
            ChannelClosed: If the peer is gone.
        """
        self._send(self._encode(message), wait)

    def send_flat(self, message: list[Any], wait: Wait = never) -> None:
        """Send one frame whole, of whose value is known that it is flat (`is_flat`).

        Raises:
            NotDataError: If the message has a number or text that may not cross.
            FrameTooLargeError: If it exceeds a cap. Nothing was sent then.
            ChannelClosed: If the peer is gone.
        """
        out = self._out
        try:
            self._encode_into(message, out, 4)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise NotDataError(str(error)) from None
        length = len(out) - 4
        if length > self.limit:
            self._out = bytearray(4096)
            raise FrameTooLargeError(self.limit, length, "bytes")
        LENGTH.pack_into(out, 0, length)
        self._send(out, wait)

    def _send(self, out: bytearray, wait: Wait) -> None:
        if len(out) > PACKET_BYTES:
            self.send_long(out, wait)
            return
        try:
            # The peer may be gone: an error, never a SIGPIPE to an embedder.
            self.socket.send(out, NO_SIGNAL)
        except BlockingIOError:
            # What waits may make another frame, in the same place.
            self._send_packet(bytes(out), wait)
        except GONE:
            raise ChannelClosed from None

    def send_long(self, out: bytearray, wait: Wait) -> None:
        self._out = bytearray(4096)
        with memoryview(out) as view:
            for start in range(0, len(out), PACKET_BYTES):
                self._send_packet(view[start : start + PACKET_BYTES], wait)

    def _encode(self, message: list[Any]) -> bytearray:
        """The frame of `message`, its length in front; good until the next one."""
        out = self._out
        try:
            self._encode_into(message, out, 4)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise NotDataError(str(error)) from None
        whole = length = len(out) - 4
        if self._buffers is not None:
            whole += self._buffers.placed_bytes
            self._buffers.placed_bytes = 0
        if whole > self.limit:
            self._out = bytearray(4096)
            raise FrameTooLargeError(self.limit, whole, "bytes")
        try:
            if check(out, 4, len(out)) < 0:
                check_keys(message)
        except FrameError as error:
            raise NotDataError(str(error)) from None
        LENGTH.pack_into(out, 0, length)
        return out

    def send_now(self, message: list[Any]) -> bool:
        """Send a frame of one packet if there is room for it at once.

        Raises:
            NotDataError: If the message has a type that may not cross.
            FrameTooLargeError: If it exceeds a cap.
            ChannelClosed: If the peer is gone.
        """
        out = self._encode(message)
        if len(out) > PACKET_BYTES:
            self._out = bytearray(4096)
            return False
        try:
            self.socket.send(out, NO_SIGNAL | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except GONE:
            raise ChannelClosed from None
        return True

    def _send_packet(self, packet: bytes | memoryview, wait: Wait) -> None:
        while True:
            try:
                self.socket.send(packet, NO_SIGNAL)
            except BlockingIOError:
                wait()
            except GONE:
                raise ChannelClosed from None
            else:
                return

    def receive(self, wait: Wait = never) -> list[Any]:
        """Receive one frame whole and decode it.

        Raises:
            FrameError: If the peer broke the layout.
            FrameTooLargeError: If the frame exceeds a cap.
            ChannelClosed: If the peer is gone.
        """
        return self._read(self._receive_packet(wait), wait)

    def _read(self, size: int, wait: Wait) -> list[Any]:
        """The frame whose first packet, of `size` bytes, has just been received."""
        buffer, buffers = self._buffer, self._buffers
        if size < 5:
            if not size:
                raise ChannelClosed
            msg = "a first packet without length or value"
            raise FrameError(msg)
        try:
            end: int = LENGTH.unpack_from(buffer)[0] + 4
            if end != size or size > PACKET_BYTES:
                buffer = self._receive_rest(end, size, wait)
            if buffers is not None:
                buffers.read_bytes = 0
            nodes = 0 if self._trusting else check(buffer, 4, end)
            message = self._decode(memoryview(buffer)[4:end])
        except (ValueError, RecursionError) as error:  # bad UTF-8
            raise FrameError(str(error)) from None
        except FrameTooLargeError as error:
            error.received = True
            raise
        self._received_bytes = end - 4
        if buffers is not None:
            self._received_bytes += buffers.read_bytes
        if nodes < 0:
            check_keys((message,))
        elif nodes:
            self._received_bytes += nodes * NODE_BYTES
        if type(message) is not list or not message:
            msg = "a frame that is not a list"
            raise FrameError(msg)
        return message  # pyright: ignore[reportUnknownVariableType]

    def has_more(self) -> bool:
        """Whether a packet, or the peer's end, can be read without waiting."""
        try:
            self.socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _receive_rest(self, total: int, size: int, wait: Wait) -> bytearray:
        """The whole of a frame of `total` bytes whose first packet has `size`."""
        if total - 4 > self.limit:
            raise FrameTooLargeError(self.limit, total - 4, "bytes")
        if size > PACKET_BYTES or not total > size == PACKET_BYTES:
            msg = f"a packet of {size} bytes for a frame of {total - 4}"
            raise FrameError(msg)
        # Grown as it arrives: a claimed length alone reserves nothing.
        whole = bytearray(self._buffer)
        self.partial = True
        while len(whole) < total:
            size = self._receive_packet(wait)
            if len(whole) + size > total or (
                size < PACKET_BYTES and len(whole) + size < total
            ):
                msg = "a packet that does not fit its frame"
                raise FrameError(msg)
            whole += memoryview(self._buffer)[:size]
        self.partial = False
        return whole

    def _receive_packet(self, wait: Wait) -> int:
        """The true length of the next packet, of which is here what has room."""
        while True:
            try:
                # MSG_TRUNC: however long it is.
                size = self.socket.recv_into(self._buffer, PACKET_BYTES, TRUE_LENGTH)
            except BlockingIOError:
                wait()
                continue
            except ConnectionResetError:
                raise ChannelClosed from None
            if not size:
                raise ChannelClosed
            return size

    def send_fds(self, fds: Sequence[int], wait: Wait = never) -> bool:
        """Send the packet with the descriptors that a frame just announced, or none.

        The kernel refuses them where their user has too many under way (ETOOMANYREFS),
        which may be another worker's doing. The peer waits for them, and is told so by
        a packet without: false then.

        Raises:
            ChannelClosed: If the peer is gone.
        """
        packed = struct.pack(f"{len(fds)}i", *fds)
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)] if fds else []
        while True:
            try:
                self.socket.sendmsg([FDS], ancillary, NO_SIGNAL)
            except BlockingIOError:
                wait()
            except GONE:
                raise ChannelClosed from None
            except OSError:
                if not ancillary:
                    raise
                ancillary = []
            else:
                return bool(ancillary) or not fds

    def receive_fds(self, count: int) -> list[int]:
        """The descriptors that a frame of the host's just announced; perhaps fewer.

        Raises:
            ChannelClosed: If the peer is gone.
        """
        room = _socket.CMSG_SPACE(count * 4)
        data, ancillary, _, _ = self.socket.recvmsg(16, room, _socket.MSG_CMSG_CLOEXEC)
        if data != FDS:
            raise ChannelClosed
        fds: list[int] = []
        for _, _, packed in ancillary:
            fds += struct.unpack(f"{len(packed) // 4}i", packed)
        return fds

    def close(self) -> None:
        """Close the socket; a blocked peer sees the end."""
        self.socket.close()

"""The worker's short way of a call: plain, of one packet, and alone.

The same steps as in `Server`, which everything else is left to: the call begins, its
handler runs, what was printed is flushed, the call ends, the answer is sent. What they
need is at hand here, because the processor is quicker with such a call than with
looking all of it up.
"""

from __future__ import annotations

import os

from lockgate_sandbox._inside.reserve import KEPT, keep, spend
from lockgate_sandbox._wire.buffers import SCALAR
from lockgate_sandbox._wire.frame import (
    LENGTH,
    PACKET_BYTES,
    ChannelClosed,
    Kind,
    never,
)
from lockgate_sandbox._wire.wire import GONE, NO_SIGNAL, TRUE_LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lockgate_sandbox._inside.current import Current
    from lockgate_sandbox._inside.session import Session
    from lockgate_sandbox._wire.guest_end import GuestChannel

    class Server(Protocol):
        """The ordinary way, and its parts."""

        session: Session
        channel: GuestChannel
        handler: Callable[[str, dict[str, Any]], Any]
        copies: list[bool]

        def flush(self) -> None: ...
        def settle(self, frame: list[Any], now: Current, result: Any) -> None: ...
        def fail(self, frame: list[Any], error: BaseException) -> None: ...


__all__ = ["answer_plain"]

_CALL, _REPLY = int(Kind.CALL), int(Kind.REPLY)
_ELEMENTS = 4  # of a CALL without a stream
_HEAD = LENGTH.size
_write = os.write
_length_of, _set_length = LENGTH.unpack_from, LENGTH.pack_into
_UNSENDABLE = (TypeError, ValueError, OverflowError, RecursionError)


def answer_plain(server: Server, first: list[Any] | None = None) -> list[Any]:
    """Answer calls, `first` to begin with, until something else comes, and give that.

    Raises:
        ChannelClosed: If the host is gone.
        ConnectionResetError: If it is gone, and left an answer unread.
    """
    session, channel, handler = server.session, server.channel, server.handler
    copies, flush, receive = server.copies, server.flush, channel.socket.recv_into
    room, decode, encode_into = channel.parts()
    out, socket_most = bytearray(_HEAD), channel.limit + _HEAD
    pipe_most = min(channel.limit, channel.answer_bytes)
    asking, inbox, now = session.lock.locked, session.inbox, session.begin(b"")
    kept = KEPT
    while not inbox:
        if not kept:
            keep()
        if first is not None:
            frame, first = first, None
        elif channel.piped:
            if (piped := channel.from_pipe()) is None:
                continue
            frame = piped
        else:
            size = receive(room, PACKET_BYTES, TRUE_LENGTH)
            if not _HEAD < size <= PACKET_BYTES or _length_of(room)[0] != size - _HEAD:
                return channel.read(size)
            frame = decode(room[_HEAD:size])
        if frame[0] != _CALL or len(frame) != _ELEMENTS or now.touched:
            return channel.attend(frame)
        start, most = (0, pipe_most) if channel.piped else (_HEAD, socket_most)
        call = now.call = frame[1]
        now.sequence = 0
        try:
            result = handler(frame[2], frame[3])
        except BaseException as error:
            spend(error)
            server.fail(frame, error)
            del frame
            continue
        if copies:
            os._exit(0)
        plain = type(result) in SCALAR
        if type(result) is dict:  # `is_flat`: a call less
            for key, item in result.items():  # pyright: ignore
                if type(key) is not str or type(item) not in SCALAR:  # pyright: ignore
                    break
            else:
                plain = True
        if plain:
            try:
                encode_into((_REPLY, call, result), out, start)
            except _UNSENDABLE:
                plain = False
        # First the end, then the look: who asks the host has the lock, or is too late.
        now.call = b""
        if not plain or len(out) > most or asking():
            now.call = call
            server.settle(frame, now, result)
        else:
            flush()
            try:
                if not start:
                    _write(channel.answers, out)
                else:
                    out = _send(channel, out)
            except GONE:
                raise ChannelClosed from None
        del frame, result
    return inbox.popleft()


def _send(channel: GuestChannel, out: bytearray) -> bytearray:
    """Send an answer by the socket; gives what the next one may be made in."""
    _set_length(out, 0, len(out) - _HEAD)
    if len(out) <= PACKET_BYTES:
        channel.socket.send(out, NO_SIGNAL)
        return out
    channel.send_long(out, never)
    return bytearray(_HEAD)

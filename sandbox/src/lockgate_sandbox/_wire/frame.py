"""What a frame between host and worker is: its length, its kinds, its few marks.

A frame is one msgpack value sent over a ``SOCK_SEQPACKET`` unix socket in packets of at
most `PACKET_BYTES`. The first packet begins with the value's length (4 bytes, little
endian); further packets carry nothing but the rest::

    packet 1:  length u32 | value[0 : PACKET_BYTES - 4]
    packet 2:  value[PACKET_BYTES - 4 : ...]

After a `PIPE` frame the host's next frames come by a pipe, without their length, until
a `LEAVE` (record 246). What answers those may come by another pipe, likewise (251).

The value is a list whose first element is its `Kind`. `_wire.Channel` sends and
receives them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

__all__ = [
    "BEFORE_CALLS",
    "FDS",
    "FOLDER",
    "LEAVE",
    "LENGTH",
    "PACKET_BYTES",
    "ChannelClosed",
    "Kind",
    "NotDataError",
    "Wait",
    "never",
]

PACKET_BYTES = 65_536
"""Largest packet; three of them fit a default socket buffer (212,992 bytes)."""

FOLDER = b"D"
"""A packet before READY of a program, with the descriptor of its folder. No frame
is that short; only our own sealed code, before any foreign byte, sends it."""

BEFORE_CALLS = bytes(8)
"""The id of what a child tells before it has been asked: READY, or why not."""

FDS = b"F"
"""The packet behind a `PASSED` frame, with its descriptors."""

LEAVE = b"L"
"""What is written to the pipe of a `PIPE` frame, when the next frame comes by the
socket. No list begins with it."""

LENGTH = struct.Struct("<I")
"""What a frame begins with."""

Wait: TypeAlias = Callable[[], object]
"""Called whenever the socket's timeout passes; raises to give up."""


class Kind(IntEnum):
    """What a frame says."""

    START = 1  # id, job or none if it is as foretold[, what only this target is told
    # [, method, arguments: a CALL of the same id, one answer for both]]
    CALL = 2  # id, method, arguments[, credit for a stream each way or -1]
    ANSWER = 3  # id, sequence, value
    REFUSE = 4  # id, sequence, kind of exception, code, message, hint
    READY = 5  # id, (posture, peak KiB): sealed, and nothing foreign has run yet
    FAILED = 6  # id, stage, fields
    REPLY = 7  # id, value
    RAISE = 8  # id, type, message, traceback, details
    ASK = 9  # id, sequence, name, arguments
    NOTE = 10  # id, right, what: an attempt that a script's policy denies
    PASSED = 11  # id, sequence, value, number of descriptors in the next packet
    BATCH = 12  # frames, each a list: many calls or answers at once
    ITEM = 13  # id, value: a stream's next, from either side
    CREDIT = 14  # id, number of items that were read, from either side
    END = 15  # id: the host's items are all sent
    CANCEL = 16  # id: nobody wants the answer any more
    SEGMENT = 17  # number, bytes, writable, numbers to forget; its descriptor follows
    ROOM = 18  # bytes: the worker wants a ring for a buffer so large
    PIPE = 20  # id, number of descriptors in the next packet, most bytes of an answer
    AHEAD = 19  # id, job: what the START will say, if one comes


class NotDataError(TypeError):
    """A value of ours is not made of the types that may cross."""


class ChannelClosed(Exception):  # noqa: N818 - the end of a stream is no error
    """The peer's end is closed."""


def never() -> None:
    """The `Wait` of a channel that blocks.

    Raises:
        AssertionError: Always: it has no timeout to come here for.
    """
    msg = "a channel without a timeout can't be interrupted"
    raise AssertionError(msg)

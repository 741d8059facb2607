"""The host's end: the quick look at a frame allows what the long one does."""

from __future__ import annotations

import socket
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack

from lockgate_sandbox._wire.host_end import PLAIN_LEVELS, HostChannel, decode_plain
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError
from lockgate_sandbox._wire.wire import Channel

_LIMIT = 4 << 20
_ID = b"abcdefgh"

_PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
_DATA = st.recursive(
    _PLAIN | st.floats(allow_nan=False) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def _received(
    kind: type[Channel], value: bytes
) -> tuple[object, int] | type[Exception]:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = kind(two, _LIMIT)
    try:
        one.send(struct.pack("<I", len(value)) + value)
        frame: Any = channel.receive()
        return repr(list(frame)), channel.received_bytes  # as text: NaN is not NaN
    except (FrameError, FrameTooLargeError) as error:
        return type(error)
    finally:
        one.close()
        channel.close()


def _agree(value: bytes) -> None:
    assert _received(HostChannel, value) == _received(Channel, value)


@given(value=_DATA)
def test_what_may_come_arrives_as_it_was(value: object) -> None:
    _agree(msgpack.encode([7, _ID, value]))


@given(value=_DATA, at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_flipped_byte_is_judged_alike(value: object, at: int, byte: int) -> None:
    raw = bytearray(msgpack.encode([7, _ID, value]))
    raw[at % len(raw)] = byte
    _agree(bytes(raw))


@given(junk=st.binary(min_size=1, max_size=200))
@example(b"\x93\x07\xc4\x01a\x81\x01\x01")  # a key that is a number
@example(b"\x93\x07\xc4\x01a\xd4\x01\x00")  # an extension that no buffer is
@example(b"\x93\x07\xc4\x01a\xd6\xff\x00\x00\x00\x00")  # a time
@example(b"\x93\x07\xc4\x01a\xdf\xff\xff\xff\xff")
@example(b"\x93\x07\xc4\x01a\x01\x01")  # something behind it
@example(b"\x93\x07\xc4\x01a\x81\xa1\xff\xa1b")  # no UTF-8
@example(b"\x93\x07\xc4\x01a\xc1")
@example(b"\x93\xcb?\xf0\x00\x00\x00\x00\x00\x00\xc4\x01a\x01")  # a kind of 1.0
def test_junk_is_judged_alike(junk: bytes) -> None:
    _agree(junk)


@pytest.mark.parametrize("count", [1, 500, 4_000])
def test_a_frame_weighs_the_same_whoever_looks_at_it(count: int) -> None:
    _agree(msgpack.encode([7, _ID, [[index, "x"] for index in range(count)]]))


@pytest.mark.parametrize(
    "head", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\xff\xff"]
)
def test_a_claimed_length_reserves_nothing(head: bytes) -> None:
    value = b"\x93\x07\xc4\x01a" + head * 3
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"."):
            decode_plain(value)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_what_is_deeper_than_plain_is_scanned() -> None:
    deep: object = 1
    for _ in range(PLAIN_LEVELS):
        deep = {"in": deep}
    frame = [7, _ID, deep]
    assert decode_plain(msgpack.encode(frame)) == tuple(frame)
    frame = [7, _ID, [deep]]
    with pytest.raises(ValueError, match="object"):
        decode_plain(msgpack.encode([7, _ID, {"in": [deep]}]))
    _agree(msgpack.encode(frame))

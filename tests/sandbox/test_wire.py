"""Frames: what is sent arrives, and nothing malformed gets through or hurts."""

from __future__ import annotations

import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from lockgate_sandbox._wire.frame import PACKET_BYTES, ChannelClosed, NotDataError
from lockgate_sandbox._wire.scan import (
    DEPTH_LIMIT,
    NODE_LIMIT,
    FrameError,
    FrameTooLargeError,
    scan,
)
from lockgate_sandbox._wire.wire import Channel
from lockgate_sandbox.errors import Data

LIMIT = 4 << 20


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left, right = Channel(one, LIMIT), Channel(two, LIMIT)
    yield left, right
    left.close()
    right.close()


def _check(value: bytes) -> None:
    scan(value, 0, len(value))


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
)
_DATA = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=30,
)


@given(value=_DATA)
def test_every_data_value_arrives_as_it_was(value: Data) -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left, right = Channel(one, LIMIT), Channel(two, LIMIT)
    try:
        left.send([7, value])
        assert right.receive() == [7, value]
    finally:
        left.close()
        right.close()


@pytest.mark.parametrize(
    "size",
    [0, 1, PACKET_BYTES - 10, PACKET_BYTES - 4, PACKET_BYTES, 3 * PACKET_BYTES + 5],
)
def test_frames_of_one_and_of_several_packets_arrive(
    pair: tuple[Channel, Channel], size: int
) -> None:
    left, right = pair
    sender = threading.Thread(target=left.send, args=([1, b"x" * size],))
    sender.start()
    assert right.receive() == [1, b"x" * size]
    sender.join()


def test_every_size_around_the_packet_border_arrives(
    pair: tuple[Channel, Channel],
) -> None:
    left, right = pair
    for size in range(PACKET_BYTES - 16, PACKET_BYTES + 4):
        left.send([1, b"x" * size])
        assert len(right.receive()[1]) == size


@given(junk=st.binary(max_size=200))
def test_scan_agrees_with_the_decoder_or_is_stricter(junk: bytes) -> None:
    try:
        _check(junk)
    except (FrameError, FrameTooLargeError):
        return
    try:
        value = msgpack.decode(junk)
    except UnicodeDecodeError:  # the one thing that only decoding shows
        return
    _assert_data(value)


@given(value=_DATA, at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_scan_survives_every_flipped_byte(value: Data, at: int, byte: int) -> None:
    raw = bytearray(msgpack.encode(value))
    raw[at % len(raw)] = byte
    try:
        _check(bytes(raw))
    except (FrameError, FrameTooLargeError):
        return
    try:
        _assert_data(msgpack.decode(raw))
    except UnicodeDecodeError:
        return


@given(value=_DATA, cut=st.integers(1, 10_000))
def test_scan_refuses_every_truncation(value: Data, cut: int) -> None:
    raw = msgpack.encode(value)
    with pytest.raises(FrameError):
        _check(raw[: len(raw) - 1 - cut % len(raw)])


@given(value=_DATA, more=st.binary(min_size=1, max_size=5))
def test_scan_refuses_what_follows_the_value(value: Data, more: bytes) -> None:
    with pytest.raises(FrameError):
        _check(msgpack.encode(value) + more)


def _assert_data(value: object) -> None:
    if isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _assert_data(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            assert type(key) is str  # pyright: ignore[reportUnknownArgumentType]
            _assert_data(item)  # pyright: ignore[reportUnknownArgumentType]
    else:
        assert value is None or type(value) in (bool, int, float, str, bytes)


@pytest.mark.parametrize(
    "claim",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\x00\x0f\x00\x00" + b"\xc0" * 100,
    ],
)
def test_claims_of_billions_allocate_nothing(claim: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((FrameError, FrameTooLargeError)):
            _check(claim)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_depth_is_capped_exactly() -> None:
    _check(b"\x91" * DEPTH_LIMIT + b"\xc0")
    with pytest.raises(FrameTooLargeError) as caught:
        _check(b"\x91" * (DEPTH_LIMIT + 1) + b"\xc0")
    assert caught.value.unit == "levels"


def test_nodes_are_capped_over_all_containers() -> None:
    half = NODE_LIMIT // 2
    part = b"\xdd" + struct.pack(">I", half) + b"\x90" * half
    with pytest.raises(FrameTooLargeError) as caught:
        _check(b"\x93" + part * 3)
    assert caught.value.unit == "nodes"


@pytest.mark.parametrize("value", [{1: 2}, {None: 1}, 2**64, "\ud800", object()])
def test_what_is_no_data_is_refused_before_it_is_sent(
    pair: tuple[Channel, Channel], value: object
) -> None:
    left, right = pair
    with pytest.raises(NotDataError):
        left.send([1, value])
    left.send([2])
    assert right.receive() == [2]


def test_too_long_a_frame_is_refused_before_it_is_sent(
    pair: tuple[Channel, Channel],
) -> None:
    left, right = pair
    with pytest.raises(FrameTooLargeError) as caught:
        left.send([1, bytes(LIMIT)])
    assert not caught.value.received
    left.send([2])
    assert right.receive() == [2]


def test_too_long_a_frame_is_refused_at_its_length(
    pair: tuple[Channel, Channel],
) -> None:
    left, right = pair
    left.socket.send(struct.pack("<I", LIMIT + 1))
    left.socket.send(b"x")
    with pytest.raises((FrameTooLargeError, FrameError)):
        right.receive()


def test_end_of_the_peer_is_told(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    left.close()
    with pytest.raises(ChannelClosed):
        right.receive()
    with pytest.raises(ChannelClosed):
        right.send([1])


@settings(max_examples=200)
@given(packets=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4))
def test_any_packets_give_a_frame_or_a_refusal(packets: list[bytes]) -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(two, LIMIT)
    try:
        for packet in packets:
            one.send(packet)
        one.close()
        try:
            while True:
                _assert_data(channel.receive())
        except (FrameError, FrameTooLargeError, ChannelClosed):
            pass
    finally:
        channel.close()


def test_a_packet_over_the_size_is_no_frame(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    left.socket.send(bytes(PACKET_BYTES + 1))
    with pytest.raises(FrameError, match=str(PACKET_BYTES + 1)):
        right.receive()


def test_a_socket_timeout_calls_wait_and_loses_nothing() -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    timeout = struct.pack("ll", 0, 1000)
    two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    left, right = Channel(one, LIMIT), Channel(two, LIMIT)
    calls: list[int] = []

    def wait() -> None:
        calls.append(1)
        if len(calls) == 3:
            left.send([5])

    try:
        assert right.receive(wait) == [5]
        assert len(calls) == 3
    finally:
        left.close()
        right.close()

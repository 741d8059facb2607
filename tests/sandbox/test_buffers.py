"""Arrays and large bytes beside the frame: forms, places, and what is refused."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from lockgate_sandbox._wire.arena import RING_HEAD_BYTES, Arena
from lockgate_sandbox._wire.buffers import (
    BESIDE,
    INLINE,
    LEAST_BYTES,
    BufferFormError,
    lift,
    read_inline,
    shaped,
    to_extension,
)
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError

LIMIT = 8 << 20


def _nowhere(_: memoryview) -> None:
    return None


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "i8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 4), (0,), (3, 0)])
def test_an_array_keeps_format_shape_and_values(
    dtype: str, shape: tuple[int, ...]
) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    found = read_inline(memoryview(to_extension(array, _nowhere).data))
    assert found.readonly
    assert np.asarray(found).dtype == array.dtype
    assert np.array_equal(np.asarray(found).ravel(), array.ravel())
    if 0 not in shape:
        assert found.shape == shape


def test_an_array_that_is_not_contiguous_is_copied_in_order() -> None:
    array = np.arange(12).reshape(3, 4)[:, ::2]
    found = read_inline(memoryview(to_extension(array, _nowhere).data))
    assert np.array_equal(np.asarray(found), array)


@pytest.mark.parametrize(
    "array",
    [np.zeros(2, "c16"), np.zeros(2, "S3"), np.zeros(2, [("a", "i4")]), np.array(5)],
    ids=["complex", "text", "record", "scalar"],
)
def test_an_array_that_can_not_cross_says_so(array: Any) -> None:
    with pytest.raises(BufferFormError, match="can't cross"):
        to_extension(array, _nowhere)


def test_what_is_no_buffer_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="objects of type object can't cross"):
        to_extension(object(), _nowhere)


def test_small_bytes_and_plain_values_are_left_alone() -> None:
    value: dict[str, Any] = {"a": b"x" * 10, "b": [1, "c", {"d": None}], "e": 1.5}
    assert lift(value, _nowhere) is value


def test_buffers_are_found_two_containers_deep() -> None:
    arena = Arena(LIMIT)
    big = bytes(LEAST_BYTES)
    value = {"a": big, "b": [big, {"c": big}], "d": {"e": big}}
    found = lift(value, arena.place)
    assert len(arena.placed) == 3
    assert found["b"][1] == {"c": big}
    assert value["a"] is big
    arena.close()


@given(form=st.binary(max_size=40), size=st.integers(0, 64))
def test_any_form_gives_an_array_or_a_refusal(form: bytes, size: int) -> None:
    try:
        found = shaped(memoryview(bytes(size)), form)
    except BufferFormError:
        return
    assert found.nbytes == size


@given(data=st.binary(max_size=60), code=st.integers(-128, 127))
def test_any_extension_gives_data_or_a_refusal(data: bytes, code: int) -> None:
    arena = Arena(LIMIT)
    arena.make_room(1000)
    try:
        arena.extension(code, memoryview(data))
    except (BufferFormError, FrameError, FrameTooLargeError):
        pass
    finally:
        arena.close()


def _place(number: int, start: int, size: int, form: bytes = b"") -> memoryview:
    return memoryview(struct.pack("<IQQ", number, start, size) + form)


@pytest.fixture
def arena() -> Any:
    arena = Arena(LIMIT)
    arena.make_room(1 << 20)
    yield arena
    arena.close()


def test_a_buffer_is_copied_from_where_it_lies(arena: Arena) -> None:
    ring = arena.unsent[0]
    ring.view[RING_HEAD_BYTES + 100 : RING_HEAD_BYTES + 103] = b"abc"
    found = arena.extension(BESIDE, _place(ring.number, 100, 3))
    ring.view[RING_HEAD_BYTES + 100 : RING_HEAD_BYTES + 103] = b"xyz"
    assert found == b"abc"
    assert struct.unpack_from("=Q", ring.view)[0] == 103


@pytest.mark.parametrize(
    ("number", "start", "size"),
    [
        (99, 0, 3),
        (0, 0, 3),
        (1, (4 << 20) - 1, 2),
        (1, 0, (4 << 20) + 1),
        (1, 2**64 - 1, 2),
        (1, 5, 2**64 - 1),
    ],
)
def test_a_buffer_outside_the_ring_is_refused(
    arena: Arena, number: int, start: int, size: int
) -> None:
    with pytest.raises((FrameError, FrameTooLargeError)):
        arena.extension(BESIDE, _place(number, start, size))


def test_one_message_can_not_have_more_copied_than_it_may_hold(arena: Arena) -> None:
    whole = _place(arena.unsent[0].number, 0, 1 << 20)
    for _ in range(8):
        arena.extension(BESIDE, whole)
    with pytest.raises(FrameTooLargeError):
        arena.extension(BESIDE, whole)


@pytest.mark.parametrize("size", [0, -1, "1", 1.5, None, True])
def test_room_for_nonsense_is_refused(arena: Arena, size: object) -> None:
    with pytest.raises(FrameError):
        arena.make_room(size)


def test_room_beyond_the_limit_or_too_often_is_refused(arena: Arena) -> None:
    with pytest.raises(FrameTooLargeError):
        arena.make_room(LIMIT + 1)
    with pytest.raises(FrameError, match="what fits"):
        arena.make_room(4 << 20)
    arena.make_room((4 << 20) + 1)


def test_regions_are_used_again_when_they_are_free() -> None:
    arena = Arena(LIMIT)
    data = memoryview(bytes(400_000))
    places = [arena.place(data) for _ in range(2)]
    first, second = arena.take_placed()
    assert places == [(1, 0), (1, 400_000)]
    arena.free([first])
    assert arena.place(memoryview(bytes(300_000))) == (1, 0)
    assert arena.place(memoryview(bytes(300_000))) == (2, 0)
    arena.free([second])
    arena.close()


def test_a_buffer_too_large_for_any_segment_has_no_place() -> None:
    arena = Arena(1 << 20)
    assert arena.place(memoryview(bytes((1 << 20) + 1))) is None
    arena.close()


def test_inline_is_what_small_arrays_become() -> None:
    packed = msgpack.encode(to_extension(np.arange(3), _nowhere))
    assert msgpack.decode(packed).code == INLINE

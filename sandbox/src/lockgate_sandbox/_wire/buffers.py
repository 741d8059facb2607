"""Arrays and large bytes in a message: beside the frame, not in it.

A buffer that is large goes into a segment of shared memory, and the frame holds a
msgpack extension that says where. Runs on both sides; what differs is who places
a buffer (`Placer`) and who finds it.

An extension is one of::

    code 1   segment u32 | start u64 | length u64 | form     in shared memory
    code 2   length of form u8 | form | the bytes            in the frame

`form` is empty for `bytes`, else the item format and the shape of an array, like
``d:3,4``. It arrives as a `memoryview` of that format and shape, read-only.
"""

from __future__ import annotations

import struct

from msgspec import msgpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Placer: TypeAlias = Callable[[memoryview], tuple[int, int] | None]
    """Puts a copy into shared memory: its segment and start; None for `not here`."""

__all__ = [
    "BESIDE",
    "INLINE",
    "LEAST_BYTES",
    "SCALAR",
    "BufferFormError",
    "is_flat",
    "lift",
    "read_inline",
    "read_place",
    "shaped",
    "to_extension",
]

BESIDE = 1
INLINE = 2

LEAST_BYTES = 32_768
"""A smaller buffer is quicker in the frame itself."""

_PLACE = struct.Struct("<IQQ")
_FORMATS = frozenset("?bBhHiIlLqQfd")
_DIMENSIONS = 16
_FORM_BYTES = 255

SCALAR = frozenset({type(None), bool, int, float, str})
_BYTES = (bytes, bytearray)


class BufferFormError(ValueError):
    """An array whose format or shape can't cross, or makes no sense."""


def is_flat(value: Any) -> bool:
    """Whether a value is a scalar or a map of scalars with text as keys.

    Such a value has nothing to lift, and a frame with no other nothing to check.
    """
    if type(value) is dict:
        # Not a generator expression: it costs more than the look.
        for key, item in value.items():  # pyright: ignore
            if type(key) is not str or type(item) not in SCALAR:  # pyright: ignore
                return False
        return True
    return type(value) in SCALAR


def lift(value: Any, place: Placer, levels: int = 2) -> Any:
    """`value` with its large buffers and arrays as extensions.

    Looked for in the value and in the containers in it, `levels` deep. The same
    object where there are none.
    """
    if type(value) in SCALAR:
        return value
    if isinstance(value, dict):
        return _lift_map(value, place, levels)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return _lift_list(value, place, levels)  # pyright: ignore[reportUnknownArgumentType]
    return _lifted(value, place)


def _lift_map(value: dict[str, Any], place: Placer, levels: int) -> dict[str, Any]:
    if not levels:
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if type(item) not in SCALAR:
            new = lift(item, place, levels - 1)
            if new is not item:
                found[key] = new
    return {**value, **found} if found else value


def _lift_list(value: Sequence[Any], place: Placer, levels: int) -> Sequence[Any]:
    if not levels or all(type(item) in SCALAR for item in value):
        return value
    new = [lift(item, place, levels - 1) for item in value]
    same = all(a is b for a, b in zip(new, value, strict=True))
    return value if same else new


def _lifted(item: Any, place: Placer) -> Any:
    if isinstance(item, _BYTES):
        if len(item) < LEAST_BYTES:
            return item
        where = place(memoryview(item))
        if where is None:
            return item
        return msgpack.Ext(BESIDE, _PLACE.pack(*where, len(item)))
    return to_extension(item, place)


def to_extension(item: Any, place: Placer) -> Any:
    """An object with the buffer protocol as an extension.

    Raises:
        TypeError: If it is no such object.
        BufferFormError: If its items are of a format that can't cross.
    """
    try:
        view = memoryview(item)
    except TypeError:
        msg = f"objects of type {type(item).__name__} can't cross"
        raise TypeError(msg) from None
    if view.format not in _FORMATS or not 0 < view.ndim <= _DIMENSIONS:
        msg = (
            f"an array of format {view.format!r} and {view.ndim} dimensions can't "
            "cross; view it as numbers or bytes"
        )
        raise BufferFormError(msg)
    shape = ",".join(map(str, view.shape or ()))
    form = f"{view.format}:{shape}".encode()
    data = view if view.c_contiguous else memoryview(view.tobytes())
    flat = data.cast("B") if data.nbytes else memoryview(b"")
    where = place(flat) if len(flat) >= LEAST_BYTES else None
    if where is None:
        return msgpack.Ext(INLINE, bytes([len(form)]) + form + flat)
    return msgpack.Ext(BESIDE, _PLACE.pack(*where, len(flat)) + form)


def read_place(data: memoryview) -> tuple[int, int, int, bytes]:
    """Segment, start, length and form of an extension of code 1.

    Raises:
        BufferFormError: If it is too short, or its form too long to be one.
    """
    if not 0 <= len(data) - _PLACE.size <= _FORM_BYTES:
        msg = "a buffer without a place, or with a form that is none"
        raise BufferFormError(msg)
    return (*_PLACE.unpack_from(data), bytes(data[_PLACE.size :]))


def read_inline(data: memoryview) -> memoryview:
    """The array in an extension of code 2, as a copy.

    Raises:
        BufferFormError: If its form makes no sense.
    """
    size = data[0] if len(data) else 0
    if not 0 < size < len(data) + 1:
        msg = "an array without a form"
        raise BufferFormError(msg)
    return shaped(memoryview(bytes(data[1 + size :])), bytes(data[1 : 1 + size]))


def shaped(flat: memoryview, form: bytes) -> memoryview:
    """The bytes `flat` as an array of `form`.

    Raises:
        BufferFormError: If format, shape and length do not fit together.
    """
    code, colon, text = form.decode("ascii", "replace").partition(":")
    try:
        shape = [int(part) for part in text.split(",")] if text else []
        if code not in _FORMATS or not colon or not 0 < len(shape) <= _DIMENSIONS:
            raise ValueError
        if any(count < 0 for count in shape):
            raise ValueError
        if 0 in shape:  # cast knows no empty dimension
            if len(flat):
                raise ValueError
            return flat.cast(code)  # type: ignore[call-overload,no-any-return] # pyright: ignore
        return flat.cast(code, shape)  # type: ignore[call-overload,no-any-return] # pyright: ignore
    except (TypeError, ValueError):
        msg = f"{len(flat)} bytes are no array of form {form[:40]!r}"
        raise BufferFormError(msg) from None

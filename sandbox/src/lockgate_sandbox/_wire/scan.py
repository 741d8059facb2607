"""The structure of a msgpack value, checked before anything is built from it.

Runs in the host on what a worker sent, and in both on what they send themselves.
The cost is one step a node; a long string or blob is one node. Most frames are
short and plain text: for those `check` knows from the bytes that occur at all
that nothing can be wrong but the keys of maps, and those are looked at afterwards.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "DEPTH_LIMIT",
    "EXTENSIONS",
    "EXTENSION_LIMIT",
    "NODE_BYTES",
    "NODE_LIMIT",
    "QUICK_BYTES",
    "FrameError",
    "FrameTooLargeError",
    "check",
    "check_keys",
    "scan",
]

DEPTH_LIMIT = 64
"""Deepest nesting of a frame, its own list included."""

EXTENSIONS = (1, 2)
"""Codes of the extensions that may come: the buffers of `_wire.buffers`."""

NODE_LIMIT = 1_000_000
"""Most elements in a frame: an empty list is 1 byte on the wire and about 80 in
memory, so the length cap alone would let 16 MiB become 1.3 GB."""

NODE_BYTES = 64
"""What a node takes in memory, beside the bytes that it had on the wire; about."""

EXTENSION_LIMIT = 65_536
"""Most buffers in a frame: each costs its reader many times what a number does."""

QUICK_BYTES = 4096
"""A frame so short can't have too many nodes, whatever it holds."""

_MAPS = bytes(range(0x80, 0x90))
_ARRAYS = bytes(range(0x90, 0xA0))
_BEYOND = bytes([0xC1, *range(0xC7, 0xCA), *range(0xD4, 0xD9), *range(0xDC, 0xE0)])
"""Heads of extensions and of containers with a length of their own."""

_HARMLESS = bytes(set(range(256)) - set(_MAPS) - set(_ARRAYS) - set(_BEYOND))

_LEAVES = frozenset({int, str, bytes, float, bool, type(None)})

_U16 = struct.Struct(">H").unpack_from
_U32 = struct.Struct(">I").unpack_from


class FrameError(Exception):
    """The peer sent what is no frame."""


class FrameTooLargeError(Exception):
    """A frame exceeds a cap: `used` of `limit` in `unit`; `received` or our own."""

    received = False

    def __init__(self, limit: int, used: int, unit: str) -> None:
        super().__init__(f"{used} of {limit} {unit}")
        self.limit = limit
        self.used = used
        self.unit = unit


def _sizes() -> list[int]:
    # Bytes that a node takes, its head included; 0 where the head alone can't tell.
    sizes = [1] * 256
    for head in range(0x80, 0xA0):
        sizes[head] = 0
    for head in range(0xA0, 0xC0):
        sizes[head] = 1 + head - 0xA0
    sizes[0xCA:0xD4] = [5, 9, 2, 3, 5, 9, 2, 3, 5, 9]
    for head in (0xC1, *range(0xC4, 0xCA), *range(0xD4, 0xE0)):
        sizes[head] = 0
    return sizes


_SIZES = _sizes()


def _variable(buffer: bytes | bytearray, pos: int, end: int) -> tuple[int, int, int]:
    """Read a head of variable size: (position behind it, elements, 2 if a map).

    Bytes, strings and buffers are skipped whole: no elements.
    """
    head = buffer[pos]
    if head in (0xC4, 0xD9) and pos + 2 <= end:
        return pos + 2 + buffer[pos + 1], 0, 0
    if head in (0xC5, 0xDA) and pos + 3 <= end:
        return pos + 3 + int(_U16(buffer, pos + 1)[0]), 0, 0
    if head in (0xC6, 0xDB) and pos + 5 <= end:
        return pos + 5 + int(_U32(buffer, pos + 1)[0]), 0, 0
    if head in (0xDC, 0xDE) and pos + 3 <= end:
        count, per = int(_U16(buffer, pos + 1)[0]), 1 + (head == 0xDE)
        return pos + 3, count * per, per
    if head in (0xDD, 0xDF) and pos + 5 <= end:
        count, per = int(_U32(buffer, pos + 1)[0]), 1 + (head == 0xDF)
        return pos + 5, count * per, per
    if head == 0xC1 or 0xC7 <= head <= 0xC9 or 0xD4 <= head <= 0xD8:
        return _extension(buffer, pos, end), 0, 0
    msg = "the frame is truncated"
    raise FrameError(msg)


def _extension(buffer: bytes | bytearray, pos: int, end: int) -> int:
    """The position behind an extension, which must be one of `_wire.buffers`."""
    head = buffer[pos]
    wide = {0xC7: 1, 0xC8: 2, 0xC9: 4}.get(head, 0)
    at = pos + 1 + wide
    if head == 0xC1 or at >= end or buffer[at] not in EXTENSIONS:
        msg = f"a node of type 0x{head:02x}, which is not data"
        raise FrameError(msg)
    size = int.from_bytes(buffer[pos + 1 : at], "big") if wide else 1 << head - 0xD4
    return at + 1 + size


def check(buffer: bytes | bytearray, start: int, end: int) -> int:
    """Check ``buffer[start:end]``; -1 if `check_keys` of its value is left to do.

    Else the number of its nodes, 0 where they are few.

    Without the bytes that begin a container or extension there is none, wherever
    in the frame they would stand. A frame that has many of them, in a text or a
    number too, is scanned. What is cut short the decoder itself refuses.

    Raises:
        FrameError: As `scan` does.
        FrameTooLargeError: As `scan` does.
    """
    if end - start <= QUICK_BYTES:
        heads = buffer[start:end].translate(None, _HARMLESS)
        if len(heads) < DEPTH_LIMIT:
            rest = heads.translate(None, _ARRAYS)
            if not rest:
                return 0
            if not rest.translate(None, _MAPS):
                return -1
    return scan(buffer, start, end)


def check_keys(message: list[Any] | tuple[Any, ...]) -> None:
    """Look at every key of every map in a decoded message, or one to be sent.

    Raises:
        FrameError: If one is not a string.
    """
    for item in message:
        if type(item) in _LEAVES:
            continue
        if isinstance(item, dict):
            _check_map(item)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, list):
            check_keys(item)  # pyright: ignore[reportUnknownArgumentType]


def _check_map(item: dict[Any, Any]) -> None:
    for key, value in item.items():
        if type(key) is not str:
            msg = "a key is not a string"
            raise FrameError(msg)
        if type(value) in _LEAVES:
            continue
        if isinstance(value, dict):
            _check_map(value)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            check_keys(value)  # pyright: ignore[reportUnknownArgumentType]


def scan(buffer: bytes | bytearray, start: int, end: int) -> int:
    """Check the structure of ``buffer[start:end]`` without building anything.

    Gives the number of its nodes.

    Raises:
        FrameError: If it is not exactly one value of allowed types with string
            keys.
        FrameTooLargeError: If it is too deep or has too many nodes or buffers.
    """
    pos, left, is_map, nodes, extensions = start, 1, False, 0, 0
    stack: list[tuple[int, bool]] = []
    sizes = _SIZES
    while True:
        while not left:
            if not stack:
                if pos != end:
                    msg = "the frame's length does not fit its value"
                    raise FrameError(msg)
                return nodes
            left, is_map = stack.pop()
        if pos >= end:
            msg = "the frame is truncated"
            raise FrameError(msg)
        head = buffer[pos]
        # `left` counts keys and values down to 0: even means that a key is due.
        if is_map and not left & 1 and not (0xA0 <= head < 0xC0 or 0xD9 <= head < 0xDC):
            msg = "a key is not a string"
            raise FrameError(msg)
        left -= 1
        size = sizes[head]
        if size:
            pos += size
            continue
        if head < 0xA0:  # small containers, most of all there are
            pos += 1
            count = head & 0x0F if head < 0x90 else head - 0x90
            per = 1 if head >= 0x90 else 2
            count *= per
        else:
            pos, count, per = _variable(buffer, pos, end)
            if not per:
                extensions += 0xC7 <= head <= 0xC9 or 0xD4 <= head <= 0xD8
                if extensions > EXTENSION_LIMIT:
                    raise FrameTooLargeError(EXTENSION_LIMIT, extensions, "buffers")
                continue
        nodes += count
        if nodes > NODE_LIMIT:
            raise FrameTooLargeError(NODE_LIMIT, nodes, "nodes")
        if count > end - pos:  # every node takes a byte at least
            msg = "a container claims more nodes than the frame has bytes"
            raise FrameError(msg)
        stack.append((left, is_map))
        if len(stack) > DEPTH_LIMIT:
            raise FrameTooLargeError(DEPTH_LIMIT, len(stack), "levels")
        left, is_map = count, per == 2

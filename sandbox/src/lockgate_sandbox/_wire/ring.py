"""Shared memory as the worker has it: segments to read, and a ring to fill.

What the host sent is mapped read-only and handed out as it is. What goes to the
host is copied into the ring, behind what the host has not read yet; if there is
no room and none comes, it goes in the frame.
"""

from __future__ import annotations

import struct
import time

from lockgate_sandbox._wire.buffers import (
    BESIDE,
    INLINE,
    BufferFormError,
    read_inline,
    read_place,
    shaped,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ring"]

_HEAD_BYTES = 64
_RELEASED = struct.Struct("=Q")

_FIRST_PAUSE_SECONDS = 0.00002
_PATIENCE_SECONDS = 0.05
"""How long to wait for the host to read on before a buffer goes in the frame."""


class Ring:
    """One worker's segments.

    `ask` asks the host for a ring of a size and returns when it is attached, or
    has been refused.
    """

    def __init__(self) -> None:
        self._segments: dict[int, memoryview] = {}
        self._number = 0
        self._view = memoryview(b"")
        self._room = 0
        self._head = 0
        self.ask: Callable[[int], object] | None = None
        self.placed_bytes = self.read_bytes = 0

    def attach(self, number: int, fd: int, size: int, writable: bool) -> None:
        """Map a segment that came from the host; the descriptor stays the caller's."""
        import mmap

        access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        view = memoryview(mmap.mmap(fd, size, mmap.MAP_SHARED, access))
        if not writable:
            self._segments[number] = view
            return
        self._number, self._view = number, view
        self._room, self._head = size - _HEAD_BYTES, 0

    def detach(self) -> None:
        """There is none to write to any more, until another one comes."""
        self._view, self._room = memoryview(b""), 0

    def drop(self, numbers: list[int]) -> None:
        """Forget segments; what a plugin still holds of them stays mapped."""
        for number in numbers:
            self._segments.pop(number, None)

    def extension(self, code: int, data: memoryview) -> bytes | memoryview:
        """What an extension of the host's stands for: msgspec's ``ext_hook``.

        Raises:
            BufferFormError: If it is none.
        """
        if code == INLINE:
            return read_inline(data)
        if code != BESIDE:
            msg = f"an extension of code {code}"
            raise BufferFormError(msg)
        number, start, size, form = read_place(data)
        flat = self._segments[number][start : start + size]
        return shaped(flat, form) if form else bytes(flat)

    def place(self, data: memoryview) -> tuple[int, int] | None:
        """Copy `data` into the ring; None where there is no room for it."""
        size = len(data)
        if size > self._room and (self.ask is None or not self._grown(size)):
            return None
        head = self._head
        if head % self._room + size > self._room:  # not split: begin anew
            head += self._room - head % self._room
        end = head + size
        if end - self._released() > self._room and not self._wait(end):
            return None
        at = _HEAD_BYTES + head % self._room
        self._view[at : at + size] = data
        self._head = end
        self.placed_bytes += size
        return self._number, head

    def place_now(self, data: memoryview) -> tuple[int, int] | None:
        """`place`, but without asking: in the middle of making a frame."""
        ask, self.ask = self.ask, None
        try:
            return self.place(data)
        finally:
            self.ask = ask

    def _grown(self, size: int) -> bool:
        if self.ask is not None:
            placed = self.placed_bytes  # of the message that is being made
            self.ask(size)
            self.placed_bytes = placed
        return size <= self._room

    def _released(self) -> int:
        released: int = _RELEASED.unpack_from(self._view)[0]
        return released

    def _wait(self, end: int) -> bool:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while end - self._released() > self._room:
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.001)
        return True

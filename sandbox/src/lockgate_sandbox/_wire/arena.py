"""Shared memory between a host and one worker: made, filled, read and freed here.

Toward the worker: segments that the host writes and the worker can only read. A
region belongs to a call until it is answered, or to an item until credit for it
came back. Toward the host: one segment that the worker fills as a ring; the host
copies each buffer once, before anything looks at it, and tells in the segment's
first bytes how far it has come.

The kernel holds the worker to it: every segment is sealed against shrinking and
growing, so no access can fault, and the host's own against writing by any later
mapping (F_SEAL_FUTURE_WRITE, Linux 5.1).
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from contextlib import suppress

from lockgate_sandbox._wire.buffers import (
    BESIDE,
    INLINE,
    read_inline,
    read_place,
    shaped,
)
from lockgate_sandbox._wire.loans import Loans
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError

__all__ = ["RING_HEAD_BYTES", "Arena", "Segment"]

RING_HEAD_BYTES = 64
"""What a ring begins with: how many bytes the host has released, as a u64."""

_SEGMENTS_LIMIT = 8
_LEAST_BYTES = 1 << 20

_STREAMED_BYTES = 4 << 20
_AHEAD = 4
"""How many buffers a ring has room for, if they are no larger than that."""

_MFD_NOEXEC_SEAL = 8  # Linux 6.3
_RELEASED = struct.Struct("=Q")

_F_SEAL_SEAL = 1
_F_SEAL_SHRINK = 2
_F_SEAL_GROW = 4
_F_SEAL_FUTURE_WRITE = 16
_FIXED = _F_SEAL_SEAL | _F_SEAL_SHRINK | _F_SEAL_GROW


class Segment:
    """A piece of shared memory; owns its mapping, and its descriptor until sent."""

    def __init__(self, number: int, size: int, *, writable: bool) -> None:
        self.number = number
        self.size = size
        self.writable = writable
        self.fd = _memory_file(size)
        try:
            self._map = mmap.mmap(self.fd, size)
            seals = _FIXED if writable else _FIXED | _F_SEAL_FUTURE_WRITE
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals)
        except BaseException:
            os.close(self.fd)
            raise
        self.view = memoryview(self._map)
        self.regions: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """The start of `size` free bytes, taken now; -1 if there are none."""
        start = 0
        for at, (begin, end) in enumerate([*self.regions, (self.size, self.size)]):
            if begin - start >= size:
                self.regions.insert(at, (start, start + size))
                return start
            start = end
        return -1

    def give_back(self, start: int) -> None:
        """Free the region that begins at `start`."""
        self.regions = [region for region in self.regions if region[0] != start]

    def close_fd(self) -> None:
        """The worker has it now; the mapping is enough here."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close(self) -> None:
        """Unmap it."""
        self.close_fd()
        # A piece of it may still be in somebody's hands: then it goes with that.
        with suppress(BufferError):
            self.view.release()
            self._map.close()


def _memory_file(size: int) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create("lockgate", flags | _MFD_NOEXEC_SEAL)
    except OSError:  # before Linux 6.3
        fd = os.memfd_create("lockgate", flags)
    try:
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd


Region = tuple[Segment, int]


class Arena:
    """The segments of one worker.

    What goes toward it is placed under the line's lock for sending, what comes is
    read under the one for reading; regions are freed by any thread. `limit` is the
    largest message: no segment is larger than what one can need.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._loans = Loans(2 * limit)
        self._numbers = 0
        self._segments: list[Segment] = []
        self._ring: Segment | None = None
        self.unsent: list[Segment] = []
        self.dropped: list[int] = []
        self.placed: list[Region] = []
        self.placed_bytes = 0
        self.read_bytes = 0
        self.inline = False
        """Whether what is made now goes into the frame, however large."""

    # -- toward the worker -------------------------------------------------------

    def place(self, data: memoryview) -> tuple[int, int] | None:
        """Copy `data` into a segment; None where it is too large for any.

        The region is in `placed` until somebody takes charge of it.
        """
        size = len(data)
        if self.inline:
            return None
        with self._lock:
            found = self._take(size)
        if found is None:
            return None
        segment, start = found
        segment.view[start : start + size] = data
        self.placed.append(found)
        self.placed_bytes += size
        return segment.number, start

    place_now = place

    def _take(self, size: int) -> Region | None:
        for segment in self._segments:
            start = segment.take(size)
            if start >= 0:
                return segment, start
        grown = self._grown(size)
        return None if grown is None else (grown, grown.take(size))

    def _grown(self, size: int) -> Segment | None:
        if size > self._limit:
            return None
        self._drop_unused()
        if len(self._segments) >= _SEGMENTS_LIMIT:
            return None
        self._numbers += 1
        size = max(_LEAST_BYTES, 1 << (size - 1).bit_length())
        try:
            segment = Segment(self._numbers, size, writable=False)
        except OSError:  # no descriptor or no memory is left: it goes into the frame
            return None
        self._segments.append(segment)
        self.unsent.append(segment)
        return segment

    def _drop_unused(self) -> None:
        """Free segments are not kept beside a new and larger one."""
        for segment in [item for item in self._segments if not item.regions]:
            self._segments.remove(segment)
            if segment in self.unsent:
                self.unsent.remove(segment)
            else:
                self.dropped.append(segment.number)
            segment.close()

    def take_placed(self) -> list[Region]:
        """What the message just made has placed: its sender's to free."""
        placed, self.placed = self.placed, []
        return placed

    def free(self, regions: list[Region]) -> None:
        """The worker no longer needs these."""
        with self._lock:
            for segment, start in regions:
                segment.give_back(start)
        regions.clear()

    # -- toward the host ---------------------------------------------------------

    def make_room(self, size: object) -> None:
        """Make the ring large enough for a buffer of `size` bytes.

        Every frame that speaks of the old ring was read before this is asked.

        Raises:
            FrameError: If it asks for nonsense, or for no more than it has.
            FrameTooLargeError: If that is more than a message may hold.
        """
        if type(size) is not int or size <= 0:
            msg = "a ROOM for nothing"
            raise FrameError(msg)
        if size > self._limit:
            raise FrameTooLargeError(self._limit, size, "bytes")
        # It may keep the old ones for itself: so each is twice the last at least,
        # and all together are less than twice the largest.
        if self._ring is not None and size <= self._ring.size - RING_HEAD_BYTES:
            msg = "a ROOM for what fits in the ring there is"
            raise FrameError(msg)
        if self._ring is not None:
            if self._ring in self.unsent:
                self.unsent.remove(self._ring)
            self._ring.close()
        self._numbers += 1
        if size <= _STREAMED_BYTES:  # likely an item among many
            size *= _AHEAD
        total = RING_HEAD_BYTES + max(_LEAST_BYTES, 1 << (size - 1).bit_length())
        self._ring = None
        with suppress(OSError):  # no descriptor is left: the worker is told
            self._ring = Segment(self._numbers, total, writable=True)
            self.unsent.append(self._ring)

    def lose(self, segment: Segment) -> None:
        """The worker could not be given `segment`; nothing is placed in it."""
        if segment is self._ring:
            self._ring = None
        with self._lock:
            self._segments = [item for item in self._segments if item is not segment]
        segment.close()

    def extension(self, code: int, data: memoryview) -> bytes | memoryview:
        """What a worker's extension stands for, copied: msgspec's ``ext_hook``.

        Raises:
            ValueError: If it is none that may come, or points outside the ring.
        """
        if code == INLINE:
            return read_inline(data)
        if code != BESIDE:
            msg = f"an extension of code {code}, which is not data"
            raise FrameError(msg)
        number, start, size, form = read_place(data)
        ring = self._ring
        if ring is None or number != ring.number:
            msg = "a buffer in a segment that is not there"
            raise FrameError(msg)
        room = ring.size - RING_HEAD_BYTES
        at = start % room
        if size > room - at:
            msg = "a buffer that reaches beyond its segment"
            raise FrameError(msg)
        self.read_bytes += size
        if self.read_bytes > self._limit:
            raise FrameTooLargeError(self._limit, self.read_bytes, "bytes")
        at += RING_HEAD_BYTES
        # Released in any case: what goes wrong must not keep the ring from closing.
        with ring.view[at : at + size] as place:
            copied = self._loans.copy(place) if form else bytes(place)
        _RELEASED.pack_into(ring.view, 0, (start + size) & (1 << 64) - 1)
        return shaped(copied, form) if isinstance(copied, memoryview) else copied

    def close(self) -> None:
        """Unmap everything: the worker is dead."""
        for segment in {*self._segments, *self.unsent}:
            segment.close()
        if self._ring is not None:
            self._ring.close()
        self._segments.clear()
        self.unsent.clear()
        self._ring = None

"""Memory for arrays that came from workers: lent out, and used again when let go.

Fresh memory costs a page fault for each 4 KiB of it, many times what copying into
it costs, so the host keeps what callers no longer use.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import weakref
from contextlib import suppress

__all__ = ["Loans"]

_LEAST_BYTES = 1 << 20


class Loans:
    """Lends memory; at most `keep_bytes` of it lie idle."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        # Reentrant: a loan can end, by garbage collection, in the middle of one.
        self._lock = threading.RLock()
        self._idle: list[mmap.mmap] = []
        self._idle_bytes = 0

    def copy(self, data: memoryview) -> memoryview:
        """A read-only copy of `data`; its memory comes back when nobody has it."""
        size = len(data)
        if size < _LEAST_BYTES:
            return memoryview(bytes(data))
        block = self._take(size)
        lent = (ctypes.c_char * size).from_buffer(block)
        weakref.finalize(lent, self._give_back, block).atexit = False
        view = memoryview(lent).cast("B")
        view[:] = data
        return view.toreadonly()

    def _take(self, size: int) -> mmap.mmap:
        with self._lock:
            fit = [block for block in self._idle if size <= len(block) <= 2 * size]
            if fit:
                block = min(fit, key=len)
                self._idle.remove(block)
                self._idle_bytes -= len(block)
                return block
        block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # a kernel without huge pages
            block.madvise(mmap.MADV_HUGEPAGE)
        return block

    def _give_back(self, block: mmap.mmap) -> None:
        with self._lock:
            if self._idle_bytes + len(block) <= self._keep_bytes:
                self._idle.append(block)
                self._idle_bytes += len(block)

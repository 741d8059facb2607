"""What lies where in the zygote, so that its children copy few of its pages.

A fork copies nothing. A page is copied when it is written to, and CPython writes to
every object that it so much as looks at: its reference count. So the objects that a
child makes should lie together, and not one by one in holes on pages that all
children share. Such holes are left by imports, most by compiling.
"""

from __future__ import annotations

import ctypes
import gc
import sys

__all__ = ["fill_holes"]

# Objects/obmalloc.c: blocks of up to 512 bytes lie in pools of their own size, each
# behind a header.
_ALIGNMENT = 16
_LARGEST_BLOCK = 512
_POOL_BYTES = 16 << 10
_POOL_HEAD = 48
_BYTES_HEAD = sys.getsizeof(b"")

_LEAST_CHUNK = 24
_CACHED_CHUNK = 1032
"""Up to this size glibc keeps lists of its own of what was freed (malloc/tcache)."""
_LARGE_CHUNKS = [1 << power for power in range(16, 10, -1)]

# More than lies free in one size; an allocator may be another than described here.
_MOST_BYTES = 256 << 10
_MOST_HEAP_BYTES = 64 << 20
"""Where modules were compiled, megabytes of holes are left."""

_KEPT: list[object] = []


def fill_holes() -> None:
    """Take what is free between objects, for good.

    In the pools of CPython's allocator and in the heap of the C library. Where a limit
    of memory is in the way, the holes are left to whoever needs them.
    """
    gc.collect()
    try:
        for size in range(_ALIGNMENT, _LARGEST_BLOCK + 1, _ALIGNMENT):
            _fill_pools(size)
    except MemoryError:
        _KEPT.clear()
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        _fill_heap(libc)


def _fill_pools(size: int) -> None:
    """Allocate blocks of `size` bytes until they come one after the other."""
    last = row = 0
    for _ in range(_MOST_BYTES // size):
        block = _block(size)
        _KEPT.append(block)
        at = id(block)
        if at % _POOL_BYTES == _POOL_HEAD:
            row = 1
        elif at == last + size and row:
            row += 1
            if row > 2:
                return  # a pool that nobody had used
        else:
            row = 0
        last = at


def _block(size: int) -> object:
    """Something for which `size` bytes are allocated, and nothing else."""
    if size == _ALIGNMENT:
        return object()
    if size < _BYTES_HEAD:
        return float(len(_KEPT))
    return bytes(size - _BYTES_HEAD)


def _fill_heap(libc: ctypes.CDLL) -> None:
    """Allocate chunks of each size until they come from beyond where the heap ended."""
    malloc, sbrk = libc.malloc, libc.sbrk
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    sbrk.restype, sbrk.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    end = sbrk(0)
    small = range(_CACHED_CHUNK, _LEAST_CHUNK - 1, -_ALIGNMENT)
    for size in (*_LARGE_CHUNKS, *small):
        for _ in range(_MOST_HEAP_BYTES // size):
            at = malloc(size)
            if at is None:
                return
            if at >= end:
                break

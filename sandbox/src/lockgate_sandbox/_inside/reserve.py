"""Memory that is kept back, so that a process without any can still say so.

Where RLIMIT_DATA is used up not even a number can be made: no traceback is written, no
frame is sent. CPython 3.11 to 3.13 goes round for ever in a function whose `except` or
`with` lies behind its 256th instruction, because to leave one needs a number that it
can't make (`exception_unwind` in ceval.c). To enter an `except` needs none: so whoever
catches what foreign code raises calls `spend` there before anything else, and catches
it in a short function where that raises it again.
"""

# Runs in the worker.

from __future__ import annotations

__all__ = ["KEPT", "keep", "spend"]

_RESERVE_BYTES = 3 << 20
"""For three of CPython's arenas (Objects/obmalloc.c), of 1 MiB each. It counts against
the limit, and takes up no memory: nobody has touched it."""

KEPT = [bytes(_RESERVE_BYTES)]
"""Holds the reserve; empty when it is spent."""


def keep() -> None:
    """Have a reserve again, if there is room for one by now."""
    if not KEPT:
        try:
            KEPT.append(bytes(_RESERVE_BYTES))
        except MemoryError:
            return


def spend(error: BaseException) -> None:
    """Give the reserve to whoever tells of `error`, if that is a want of memory.

    Nothing is made in here.
    """
    if isinstance(error, MemoryError):
        KEPT.clear()

"""Parsing hostile text so that the host survives it, and nobody notices.

Three things that `ast.parse` does not do by itself:

- It recurses in C up to 6,000 levels (``MAXSTACK`` in CPython's ``parser.c``)
  before it gives up. On the 8 MiB stack of a main thread that is an exception; on
  a small thread's stack it is a crash. So the work is done on a thread whose stack
  is large, whoever asks.
- It reports warnings (invalid escapes, ``is`` with a literal) through filters that
  belong to the whole process. One filter for our own file name in front of them
  keeps ours quiet and touches nobody else's.
- Its many small objects set off the cyclic collector, which finds nothing: half
  the time of a scan. The collector rests while anybody scans.
"""

from __future__ import annotations

import ast
import gc
import re
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["batch", "parse"]

T = TypeVar("T")

_STACK_BYTES = 64 << 20
"""Reserved, not used: pages come when they are touched. Needed: some 3 MiB."""

_NAME = "<lockgate-sandbox scan>"
"""The file name that our warnings carry, and so the module that is filtered."""

_stack_lock = threading.Lock()
_gc_lock = threading.Lock()
_gc_state = [0, False]
"""How many scans are under way, and whether the collector was on before them."""


def parse(source: str) -> ast.Module:
    """The tree of `source`. Only for the thread of a `batch`.

    What the text declares about its encoding is not obeyed: it has been decoded.

    Raises:
        SyntaxError: If it is no Python, of this interpreter's version.
        ValueError: If it holds a null byte, in some versions.
        RecursionError: If it is nested too deeply.
        MemoryError: Likewise; the parser has both.
    """
    return ast.parse(source, _NAME)


def batch(work: Callable[[], T]) -> T:
    """Do `work`, which parses, on a thread of its own; gives or raises what it does."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    with _quiet_collector():
        _quiet_warnings()
        with _stack_lock:  # the size is a setting of the whole process
            before = threading.stack_size(_STACK_BYTES)
            try:
                thread = threading.Thread(target=run, name="scan", daemon=True)
                thread.start()
            finally:
                threading.stack_size(before)
        thread.join()
    if errors:
        raise errors[0]
    return answers[0]


def _quiet_warnings() -> None:
    # Not catch_warnings: it would swallow the warnings of other threads, too.
    pattern = re.escape(_NAME)
    first = warnings.filters[0] if warnings.filters else None
    if first is None or getattr(first[3], "pattern", "") != pattern:
        warnings.filterwarnings("ignore", module=pattern)


@contextmanager
def _quiet_collector() -> Generator[None]:
    with _gc_lock:
        _gc_state[0] += 1
        if _gc_state[0] == 1:
            _gc_state[1] = gc.isenabled()
            gc.disable()
    try:
        yield
    finally:
        with _gc_lock:
            _gc_state[0] -= 1
            if _gc_state[0] == 0 and _gc_state[1]:
                gc.enable()

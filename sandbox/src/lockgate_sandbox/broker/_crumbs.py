"""How fast an answer may come in crumbs: each costs the host as much as a large piece.

A server that cuts its answer into chunks of a byte has the host look at each of them;
a MiB would take it seconds. Who sends so waits, and the host does not work for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Crumbs"]

_SMALL_BYTES = 512
_PER_SECOND = 2_000.0
"""Enough for any stream of events; a few per cent of a core."""


class Crumbs:
    """Of all answers that one broker passes on together. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left, self._filled = _PER_SECOND, clock()

    def wait(self, size: int) -> float:
        """Count a piece of `size` bytes; how many seconds to rest before the next."""
        if size >= _SMALL_BYTES:
            return 0.0
        with self._lock:
            now = self._clock()
            more = (now - self._filled) * _PER_SECOND
            self._left = min(self._left + more, _PER_SECOND) - 1.0
            self._filled = now
            return max(-self._left, 0.0) / _PER_SECOND

"""What all answers of one command may cost together."""

from __future__ import annotations

import threading

from lockgate_marketplace.errors import FetchError

__all__ = ["Budget"]


class Budget:
    """Bytes that may still come, from whichever server. Safe for threads.

    Each answer has a bound of its own; a page that leads to a thousand projects, or a
    plugin that needs a thousand wheels, would keep each of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spent = 0
        self._lock = threading.Lock()

    def check(self, size: int) -> None:
        """Whether `size` more bytes may come.

        Raises:
            FetchError: ``fetch-too-much`` if not.
        """
        with self._lock:
            self._check(size)

    def spend(self, size: int) -> None:
        """Count `size` bytes that came.

        Raises:
            FetchError: ``fetch-too-much`` if they are too many.
        """
        with self._lock:
            self._check(size)
            self._spent += size

    def _check(self, size: int) -> None:
        if self._spent + size > self._limit:
            mib = self._limit >> 20
            message = f"all that is asked for has more than {mib:,} MiB together"
            raise FetchError("fetch-too-much", message)

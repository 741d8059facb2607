"""The time that an answer may take: a deadline for all of it, and a slowest pace.

A read timeout bounds one read: a server that sends a byte each second keeps a
client for as long as it likes, even within the headers. So time is kept where the
bytes arrive, in the socket itself (`_network`), for headers and body alike.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from lockgate_marketplace.errors import FetchError

__all__ = ["CURRENT", "Pace"]


class Pace:
    """How long one exchange took so far, and how much came in that time."""

    def __init__(
        self, seconds: float, *, idle: float, slowest: int, slowest_seconds: float
    ) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._idle = idle
        self._slowest = slowest
        self._window = slowest_seconds
        self._window_began = time.monotonic()
        self._window_bytes = 0

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._end - time.monotonic()

    def start(self) -> None:
        """An answer begins: measure its pace from here."""
        self._window_began, self._window_bytes = time.monotonic(), 0

    def patience(self) -> float:
        """How long the next read may take.

        Raises:
            FetchError: If the time is over.
        """
        left = self.left
        if left <= 0:
            message = f"it took more than {self._seconds:g} seconds"
            raise FetchError("fetch-deadline", message)
        return min(left, self._idle)

    def received(self, count: int) -> None:
        """Bytes came in.

        Raises:
            FetchError: If too few did since a while.
        """
        self._window_bytes += count
        took = time.monotonic() - self._window_began
        if took < self._window:
            return
        if self._window_bytes < self._slowest * took:
            message = (
                f"the server sends nearly nothing: {self._window_bytes} bytes in "
                f"{took:.1f} seconds, and {self._slowest} a second are the least"
            )
            raise FetchError("fetch-slow", message)
        self.start()


CURRENT: ContextVar[Pace] = ContextVar("lockgate_marketplace.fetch.pace")
"""The pace of the exchange that this thread is in; connections are shared."""

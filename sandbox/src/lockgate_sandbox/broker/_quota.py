"""What has been used of a quota, by however many threads at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lockgate_sandbox.grants import Quota

__all__ = ["Meter", "Meters", "QuotaError"]


class QuotaError(PermissionError):
    """A quota is used up, or requests come faster than they may."""

    code = "quota-reached"

    def __init__(self, noun: str, limit: float, of: str) -> None:
        amount = f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
        super().__init__(f"the quota of {of} is used up: {amount} {noun}")
        self.hint = "a larger quota must come with the grant"


class Meter:
    """Counts against one quota. Thread-safe; `of` is what errors call it.

    Bytes are taken before they move, so that parallel requests share what is
    left and never overdraw it.
    """

    def __init__(
        self, quota: Quota, of: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.quota = quota
        self._of = of
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes = self._requests = 0
        self._tokens, self._filled = float(quota.burst), clock()

    @property
    def used_bytes(self) -> int:
        """Bytes moved so far, those reserved included."""
        return self._bytes

    @property
    def used_requests(self) -> int:
        """Requests and connections so far."""
        return self._requests

    def take_request(self) -> None:
        """Count one request.

        Raises:
            QuotaError: If there is none left, or it comes too early.
        """
        with self._lock:
            quota, now = self.quota, self._clock()
            if self._requests >= quota.requests:
                raise QuotaError("requests", quota.requests, self._of)
            if self._bytes >= quota.bytes:
                raise QuotaError("bytes", quota.bytes, self._of)
            more = (now - self._filled) * quota.per_second
            self._tokens = min(float(quota.burst), self._tokens + more)
            self._filled = now
            if self._tokens < 1.0:
                raise QuotaError("requests a second", quota.per_second, self._of)
            self._tokens -= 1.0
            self._requests += 1

    def reserve(self, count: int) -> int:
        """Take up to `count` bytes; what is not used comes back by `give_back`.

        Raises:
            QuotaError: If none is left.
        """
        with self._lock:
            left = self.quota.bytes - self._bytes
            if left <= 0:
                raise QuotaError("bytes", self.quota.bytes, self._of)
            taken = min(count, left)
            self._bytes += taken
            return taken

    def give_back(self, count: int) -> None:
        """Return bytes that did not move."""
        with self._lock:
            self._bytes -= count


class Meters:
    """A grant's own meter and the one of all grants together: both must agree."""

    def __init__(self, *meters: Meter) -> None:
        self._meters = meters

    def take_request(self) -> None:
        """Count one request on each.

        Raises:
            QuotaError: If one has none left.
        """
        for meter in self._meters:
            meter.take_request()

    def reserve(self, count: int) -> int:
        """Take up to `count` bytes of each.

        Raises:
            QuotaError: If one has none left.
        """
        taken: list[int] = []
        try:
            for meter in self._meters:
                taken.append(meter.reserve(count))
                count = taken[-1]
        except QuotaError:
            for meter, amount in zip(self._meters, taken, strict=False):
                meter.give_back(amount)
            raise
        for meter, amount in zip(self._meters, taken, strict=True):
            meter.give_back(amount - count)
        return count

    def give_back(self, count: int) -> None:
        """Return bytes that did not move."""
        for meter in self._meters:
            meter.give_back(count)

"""What has been used of a quota, by however many threads at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from lockgate_sandbox.grants import Quota

__all__ = ["Meter", "Meters", "QuotaError"]


_MOST = 999_999_999
"""The largest number that a grant's text can say."""


class QuotaError(PermissionError):
    """A quota is used up, or requests come faster than they may.

    `meter` is what has none left, `larger` the quota that would be enough for some
    time. Both are None where something is bounded whatever is granted. `hint` is told
    with the message where it is given.
    """

    code = "quota-reached"

    def __init__(
        self,
        noun: str,
        limit: float,
        of: str,
        *,
        meter: Meter | None = None,
        larger: Quota | None = None,
        hint: str = "",
    ) -> None:
        amount = f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
        self.reason = f"the quota of {of} is used up: {amount} {noun}"
        told = f"{self.reason}. To allow it: {hint}" if hint else self.reason
        super().__init__(told)
        self.hint = hint or (
            "a larger quota must come with the grant"
            if larger is not None
            else "fewer at a time: no grant allows more"
        )
        self.meter = meter
        self.larger = larger
        self._said = noun, limit, of

    def helped_by(self, hint: str) -> QuotaError:
        """This error, which tells the worker what would allow it."""
        return QuotaError(*self._said, meter=self.meter, larger=self.larger, hint=hint)


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
                raise self._reached("requests")
            if self._bytes >= quota.bytes:
                raise self._reached("bytes")
            more = (now - self._filled) * quota.per_second
            self._tokens = min(float(quota.burst), self._tokens + more)
            self._filled = now
            if self._tokens < 1.0:
                raise self._reached("per_second")
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
                raise self._reached("bytes")
            taken = min(count, left)
            self._bytes += taken
            return taken

    def give_back(self, count: int) -> None:
        """Return bytes that did not move."""
        with self._lock:
            self._bytes -= count

    def _reached(self, name: str) -> QuotaError:
        """The error of a field that has none left: twice as much is proposed."""
        quota, limit = self.quota, getattr(self.quota, name)
        if name == "per_second":
            # What comes at once is what the rate lets by, and no more than the burst.
            rate, burst = min(2 * limit, _MOST), min(2 * quota.burst, _MOST)
            larger = replace(quota, per_second=rate, burst=burst)
            return QuotaError(
                "requests a second", limit, self._of, meter=self, larger=larger
            )
        most = 2 * limit if name == "bytes" else min(2 * limit, _MOST)
        larger = replace(quota, **{name: most})
        return QuotaError(name, limit, self._of, meter=self, larger=larger)


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

"""A request and its answer: redirects by hand, errors told apart, attempts repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._budget import Budget
from lockgate_marketplace.fetch._credentials import Credentials
from lockgate_marketplace.fetch._limits import FetchLimits
from lockgate_marketplace.fetch._pace import Pace
from lockgate_marketplace.fetch._rules import allowed, joined
from lockgate_marketplace.fetch._wire import Answer, TransientError, Wire
from lockgate_marketplace.sources import Index

__all__ = ["AGENT", "Body", "Exchange"]

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))
_DONE = frozenset((200, 206, 304, 416))
AGENT = "lockgate-marketplace"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that was read whole."""

    url: str
    """Where it came from, after redirects."""
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """Asks servers; each method obeys every limit."""

    wire: Wire
    credentials: Credentials
    limits: FetchLimits
    budget: Budget
    sleep: Callable[[float], object] = time.sleep

    def pace(self, seconds: float) -> Pace:
        """The time that an exchange may take."""
        limits = self.limits
        return Pace(
            seconds,
            idle=limits.idle_seconds,
            slowest=limits.slowest,
            slowest_seconds=limits.slowest_seconds,
        )

    def read(
        self, index: Index, url: str, headers: Mapping[str, str], *, limit: int
    ) -> Body:
        """A small answer, whole and decoded; failed attempts are repeated.

        Raises:
            FetchError: If it can't be had, or is larger than `limit` bytes.
        """
        pace = self.pace(self.limits.page_seconds)

        def once() -> Body:
            asked = {"Accept-Encoding": "gzip", **headers}
            with self.open(index, url, asked, pace) as (answer, place):
                _refuse_promised(answer, limit, place)
                pieces: list[bytes] = []
                size = 0
                for piece in answer.pieces():
                    size += len(piece)
                    if size > limit:
                        raise _too_large(limit, place)
                    self.budget.spend(len(piece))
                    pieces.append(piece)
                return Body(place, answer.status, answer.headers, b"".join(pieces))

        return self.repeated(once, url, pace)

    def repeated(self, once: Callable[[], T], where: str, pace: Pace) -> T:
        """What `once` gives, tried again where the connection failed.

        Raises:
            FetchError: If it fails each time, or in a way that stays.
        """
        wait = self.limits.backoff_seconds
        for attempt in range(1, self.limits.attempts + 1):
            try:
                return once()
            except TransientError as error:
                pause = max(error.wait, wait)
                last = attempt == self.limits.attempts or pause > pace.left
                if last or error.wait > self.limits.retry_after_seconds:
                    message = f"{error} (attempt {attempt})"
                    raise FetchError(error.code, message, where=where) from None
            except FetchError as error:
                error.where = error.where or where
                raise
            self.sleep(pause)
            wait *= 2
        raise AssertionError("at least one attempt is made")

    @contextmanager
    def open(
        self, index: Index, url: str, headers: Mapping[str, str], pace: Pace
    ) -> Generator[tuple[Answer, str]]:
        """The answer to a request, and where it came from in the end.

        Raises:
            FetchError: If `index` may not lead there, or it is refused.
            TransientError: If it fails in a way that may pass.
        """
        here = url
        for _ in range(self.limits.redirects + 1):
            place = allowed(index, here)
            fields = {"User-Agent": AGENT, **headers}
            # Anew for each hop: what is for one origin never reaches another.
            if authorization := self.credentials.header(index, place):
                fields["Authorization"] = authorization
            with self.wire.ask(place, fields, pace) as answer:
                if answer.status not in _REDIRECTS:
                    _refuse_status(answer, here)
                    yield answer, here
                    return
                here = joined(here, answer.headers.get("location", ""))
        message = f"more than {self.limits.redirects} redirects"
        raise FetchError("fetch-redirects", message, where=url)


def _refuse_status(answer: Answer, where: str) -> None:
    status = answer.status
    if status in _DONE:
        return
    if status in (401, 403, 407):
        raise FetchError("fetch-denied", f"the server says {status}", where=where)
    if status in (404, 410):
        raise FetchError("fetch-missing", f"the server says {status}", where=where)
    if status in _LATER:
        after = answer.headers.get("retry-after", "")
        wait = float(after) if after.isascii() and after.isdigit() else 0.0
        raise TransientError("fetch-status", f"the server says {status}", wait)
    raise FetchError("fetch-status", f"the server says {status}", where=where)


def _refuse_promised(answer: Answer, limit: int, where: str) -> None:
    promised = answer.headers.get("content-length", "")
    if promised.isdigit() and int(promised[:20]) > limit:
        raise _too_large(limit, where)


def _too_large(limit: int, where: str) -> FetchError:
    message = f"the answer has more than {limit:,} bytes"
    return FetchError("fetch-too-large", message, where=where)

"""The client's one way to a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._budget import Budget
from lockgate_marketplace.fetch._cache import Cache, Kept
from lockgate_marketplace.fetch._credentials import Credentials
from lockgate_marketplace.fetch._download import Downloaded, Progress, Wanted, download
from lockgate_marketplace.fetch._exchange import Exchange
from lockgate_marketplace.fetch._limits import FetchLimits
from lockgate_marketplace.fetch._remote import RemoteFile
from lockgate_marketplace.fetch._wire import Wire
from lockgate_marketplace.sources import Index

__all__ = ["Fetcher", "Response"]


@dataclass(frozen=True, slots=True)
class Response:
    """A page, whole."""

    url: str
    """Where it came from in the end: what its relative URLs are relative to."""
    kind: str
    """Its content type, as the server wrote it."""
    content: bytes
    serial: str
    """``X-PyPI-Last-Serial``, or ``""``."""
    origin: Literal["new", "revalidated"]


def quiet(_name: str, _done: int, _total: int | None) -> None:
    """No progress is shown."""


class Fetcher:
    """Fetches pages, sidecars and files, each within its limits.

    Safe for threads. Close it, or use it as a context.
    """

    def __init__(
        self,
        cache: Path | None = None,
        *,
        limits: FetchLimits | None = None,
        credentials: Credentials | None = None,
        proxies: bool = False,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.limits = limits or FetchLimits()
        self._wire = Wire(proxies=proxies)
        who = Credentials.of_user() if credentials is None else credentials
        budget = Budget(self.limits.total_bytes)
        self._exchange = Exchange(self._wire, who, self.limits, budget, sleep)
        self._cache = Cache(cache, self.limits.cache_bytes) if cache else None

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End connections; trim the cache."""
        self._wire.close()
        if self._cache is not None:
            self._cache.trim()

    def page(
        self, index: Index, url: str, *, accept: str = "*/*", limit: int | None = None
    ) -> Response:
        """A page, revalidated if it was kept.

        Raises:
            FetchError: If it can't be had within the limits.
        """
        limit = self.limits.page_bytes if limit is None else limit
        key = f"page\n{index.name}\n{index.url}\n{url}\n{accept}"
        kept = self._cache.get(key, limit) if self._cache else None
        headers = {"Accept": accept}
        if kept is not None and kept.etag:
            headers["If-None-Match"] = kept.etag
        elif kept is not None and kept.modified:
            headers["If-Modified-Since"] = kept.modified
        body = self._exchange.read(index, url, headers, limit=limit)
        if body.status == 304 and kept is not None:
            return Response(
                kept.url, kept.kind, kept.content, kept.serial, "revalidated"
            )
        if body.status != 200:
            message = f"the server says {body.status}, which nobody asked for"
            raise FetchError("fetch-status", message, where=url)
        new = Kept(
            body.url,
            body.headers.get("etag", ""),
            body.headers.get("last-modified", ""),
            body.headers.get("content-type", ""),
            body.headers.get("x-pypi-last-serial", ""),
            body.content,
        )
        if self._cache and (new.etag or new.modified):
            self._cache.put(key, new)
        return Response(new.url, new.kind, new.content, new.serial, "new")

    def sidecar(self, index: Index, url: str, *, accept: str = "*/*") -> bytes:
        """A small file beside a wheel; whoever asks checks its hash.

        Raises:
            FetchError: If it can't be had within the limits. ``fetch-status`` if the
                answer is none: nobody asked for a part, or whether it changed.
        """
        limit = self.limits.sidecar_bytes
        headers = {"Accept": accept}
        body = self._exchange.read(index, url, headers, limit=limit)
        if body.status != 200:
            message = f"the server says {body.status}, which nobody asked for"
            raise FetchError("fetch-status", message, where=url)
        return body.content

    def remote(self, index: Index, url: str) -> RemoteFile:
        """A file that is read in places, by range requests.

        Raises:
            FetchError: `fetch-range` if the server gives no ranges.
        """
        return RemoteFile(self._exchange, index, url)

    def remembered(self, name: str) -> bytes | None:
        """What `remember` kept under a name that is the hash of a fixed thing."""
        if self._cache is None:
            return None
        kept = self._cache.get(f"fixed\n{name}", self.limits.sidecar_bytes)
        return None if kept is None else kept.content

    def remember(self, name: str, content: bytes) -> None:
        """Keep what can't change, so that it is not asked for again."""
        if self._cache is not None:
            self._cache.put(f"fixed\n{name}", Kept("", "", "", "", "", content))

    def forget(self, name: str) -> None:
        """Keep no longer what `remember` kept: it turned out to be wrong."""
        if self._cache is not None:
            self._cache.drop(f"fixed\n{name}")

    def download(self, wanted: Wanted, progress: Progress = quiet) -> Downloaded:
        """A file onto the disk, checked while it comes.

        Raises:
            FetchError: If it can't be had, or is not what the index says.
        """
        return download(self._exchange, wanted, progress)

    def download_all(
        self, wanted: Iterable[Wanted], progress: Progress = quiet
    ) -> tuple[Downloaded, ...]:
        """Several files at once, in the order in which they were wanted.

        Raises:
            FetchError: The first that occurs; those under way end first, the
                others are not begun. ``fetch-too-much`` before the first one, if the
                index says that they are too large together.
        """
        wanted = tuple(wanted)
        # One that is too large on its own is told as that.
        most = self.limits.file_bytes
        self._exchange.budget.check(sum(min(one.size or 0, most) for one in wanted))
        with ThreadPoolExecutor(self.limits.parallel, "lockgate-fetch") as pool:
            running = [pool.submit(self.download, one, progress) for one in wanted]
            done, waiting = wait(running, return_when=FIRST_EXCEPTION)
            for future in waiting:
                future.cancel()
            for future in done:
                future.result()
        return tuple(future.result() for future in running)

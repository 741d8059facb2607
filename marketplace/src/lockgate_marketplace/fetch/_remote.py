"""A file of a server that is read in places: what `zipfile` needs to find METADATA."""

from __future__ import annotations

import io
import os
import re

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._exchange import Exchange
from lockgate_marketplace.sources import Index

__all__ = ["RemoteFile"]

_TAIL = 1 << 16
_BLOCK = 1 << 15
_MOST_BYTES = 16 << 20
_MOST_REQUESTS = 40
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class RemoteFile(io.RawIOBase):
    """Reads by range requests, within a budget; begins with the file's tail.

    Raises:
        FetchError: `fetch-range` if the server gives no ranges, or more of them
            would be needed than any sound wheel needs.
    """

    def __init__(self, exchange: Exchange, index: Index, url: str) -> None:
        self._exchange, self._index, self._url = exchange, index, url
        self._place = 0
        self._requests = self._bytes = 0
        self._etag = ""
        self._blocks: list[tuple[int, bytes]] = []
        self.size = 0
        self._ask(f"bytes=-{_TAIL}")

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move there; nothing is asked for."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}
        self._place = max(0, base[whence] + offset)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or up to the end."""
        end = self.size if size < 0 else min(self.size, self._place + size)
        if self._place >= end:
            return b""
        for begin, block in self._blocks:
            if begin <= self._place and end <= begin + len(block):
                piece = block[self._place - begin : end - begin]
                self._place = end
                return piece
        last = min(self.size, max(end, self._place + _BLOCK)) - 1
        self._ask(f"bytes={self._place}-{last}")
        return self.read(end - self._place)

    def _ask(self, wanted: str) -> None:
        self._requests += 1
        if self._requests > _MOST_REQUESTS:
            raise self._refused(f"{self._requests} requests were not enough")
        headers = {"Range": wanted, "Accept-Encoding": "identity"}
        if self._etag.startswith('"'):
            headers["If-Range"] = self._etag
        left = _MOST_BYTES - self._bytes
        try:
            body = self._exchange.read(self._index, self._url, headers, limit=left)
        except FetchError as error:
            if error.code != "fetch-too-large":
                raise
            raise self._refused("it would take too many bytes") from None
        found = _RANGE.fullmatch(body.headers.get("content-range", ""))
        if body.status != 206 or found is None:
            raise self._refused("the server gives no ranges")
        begin, end, size = int(found[1]), int(found[2]) + 1, int(found[3])
        if end - begin != len(body.content) or end > size:
            raise self._refused("the range that came is not the one announced")
        if self.size not in (0, size):
            raise self._refused("the file changed while it was read")
        self._etag = body.headers.get("etag", "")
        self.size = size
        self._bytes += len(body.content)
        self._check(wanted, begin, end)
        self._blocks.append((begin, body.content))

    def _check(self, wanted: str, begin: int, end: int) -> None:
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        if not first:
            sound = end == self.size and end - begin == min(self.size, int(last))
        else:
            sound = begin == int(first) and end == int(last) + 1
        if not sound:
            raise self._refused("the range that came is not the one asked for")

    def _refused(self, reason: str) -> FetchError:
        return FetchError("fetch-range", reason, where=self._url)

"""A file onto the disk: resumed, hashed while it comes, whole or absent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._exchange import Exchange
from lockgate_marketplace.fetch._part import Part, opened
from lockgate_marketplace.fetch._wire import Answer
from lockgate_marketplace.sources import Index

__all__ = ["Downloaded", "Progress", "Wanted", "download"]

Progress: TypeAlias = Callable[[str, int, int | None], object]
"""Told the file's name, the bytes so far, and how many there will be (or None)."""

_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to download."""

    index: Index
    url: str
    to: Path
    """Where it will stand; only its folder must exist."""
    sha256: str
    """What it must hash to; ``""`` only for an index that is marked `unhashed`."""
    size: int | None
    """How many bytes it must have, if the index says."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is what it was said to be."""

    path: Path
    sha256: str
    size: int
    resumed: int
    """Bytes that were there from an earlier attempt."""


def download(exchange: Exchange, wanted: Wanted, progress: Progress) -> Downloaded:
    """Fetch a file; attempts that fail go on where the last one stopped.

    Raises:
        FetchError: If it can't be had or is not what it must be. Then `to` is
            absent, and a part is left only if going on later makes sense.
    """
    if (wanted.size or 0) > exchange.limits.file_bytes:
        message = f"the index says that the file has {wanted.size:,} bytes"
        raise FetchError("fetch-too-large", message, where=wanted.url)
    key = hashlib.sha256(f"{wanted.url}\n{wanted.sha256}".encode()).hexdigest()[:32]
    with opened(wanted.to.with_name(f".{key}.part")) as part:
        part.resume()
        if not wanted.sha256 and not part.validator:
            part.begin("")  # nothing would tell that the prefix is of another file
        resumed = part.size
        if part.size:
            try:
                _filled(exchange, wanted, part, progress)
                return _finished(wanted, part, resumed)
            except FetchError as error:
                if error.code not in ("fetch-hash", "fetch-size", "fetch-range"):
                    raise
            # The prefix may be of another file: once more, from the first byte.
            part.begin("")
        try:
            _filled(exchange, wanted, part, progress)
            return _finished(wanted, part, 0)
        except FetchError as error:
            if error.code not in _GO_ON_LATER or not part.size:
                part.discard()
            raise


_GO_ON_LATER = frozenset(
    (
        "fetch-truncated",
        "fetch-unreachable",
        "fetch-slow",
        "fetch-status",
        "fetch-too-much",
    )
)


def _filled(exchange: Exchange, wanted: Wanted, part: Part, progress: Progress) -> None:
    """Bring what is missing."""
    pace = exchange.pace(exchange.limits.file_seconds)

    def once() -> None:
        if part.size and part.size == wanted.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if part.size:
            headers["Range"] = f"bytes={part.size}-"
            if part.validator:
                headers["If-Range"] = part.validator
        with exchange.open(wanted.index, wanted.url, headers, pace) as (answer, where):
            _take(exchange, wanted, part, answer, where, progress)

    exchange.repeated(once, wanted.url, pace)


def _take(
    exchange: Exchange,
    wanted: Wanted,
    part: Part,
    answer: Answer,
    where: str,
    progress: Progress,
) -> None:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        message = "a file must come as it is, not compressed on the way"
        raise FetchError("fetch-encoding", message, where=where)
    if answer.status == 200:
        part.begin(answer.headers.get("etag", ""))
    elif answer.status != 206 or not part.size or not _goes_on(answer, part.size):
        message = f"asked for the bytes from {part.size} on, it answers otherwise"
        raise FetchError("fetch-range", message, where=where)
    limit = exchange.limits.file_bytes if wanted.size is None else wanted.size
    total = wanted.size if wanted.size is not None else _promised(answer, part.size)
    for piece in answer.pieces():
        if part.size + len(piece) > limit:
            code = "fetch-too-large" if wanted.size is None else "fetch-size"
            message = f"the file has more than {limit:,} bytes"
            raise FetchError(code, message, where=where)
        exchange.budget.spend(len(piece))
        part.add(piece)
        progress(wanted.to.name, part.size, total)


def _goes_on(answer: Answer, size: int) -> bool:
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    return found is not None and int(found[1]) == size


def _promised(answer: Answer, size: int) -> int | None:
    length = answer.headers.get("content-length", "")
    return size + int(length[:20]) if length.isdigit() else None


def _finished(wanted: Wanted, part: Part, resumed: int) -> Downloaded:
    if wanted.size is not None and part.size != wanted.size:
        message = f"the file has {part.size:,} bytes, the index says {wanted.size:,}"
        raise FetchError("fetch-size", message, where=wanted.url)
    found = part.hash.hexdigest()
    if wanted.sha256 and found != wanted.sha256:
        message = (
            "what came is not the file that the index describes: its SHA-256 is "
            f"{found[:16]}…, it must be {wanted.sha256[:16]}…"
        )
        raise FetchError("fetch-hash", message, where=wanted.url)
    part.finish(wanted.to)
    return Downloaded(wanted.to, found, part.size, resumed)

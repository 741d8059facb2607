"""The zip archive that a wheel is: read strictly, so that no reader differs.

The members' local headers and data must cover the file from its first byte to the
central directory without a gap, and the central directory must name each once. So
a reader that streams from the front, one that follows the directory, and one that
looks for marks all see the same members.

Only `zlib` is used of the standard library; `zipfile` reads much of what is
refused here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._zip._end import Directory, find_directory
from lockgate_marketplace.wheel._zip._headers import (
    STORED,
    ZipEntry,
    read_central,
    read_local,
)

__all__ = ["pieces", "read_archive", "read_whole"]

_PIECE = 1024 * 1024
_FEED = 64 * 1024


def read_archive(data: bytes, limits: Limits) -> tuple[ZipEntry, ...]:
    """The members of the archive, in the order of their bytes.

    Nothing is inflated: sizes are judged as the headers say them, and `pieces`
    holds a member to them.

    Raises:
        WheelError: If the archive is not strictly sound or exceeds a limit.
    """
    directory = find_directory(data)
    if directory.count > limits.files:
        message = f"it has {directory.count:,} members (limit {limits.files:,})"
        raise WheelError("wheel-file-count", message)
    entries = _located(data, directory)
    _check_sizes(entries, len(data), limits)
    return entries


def _located(data: bytes, directory: Directory) -> tuple[ZipEntry, ...]:
    named: list[ZipEntry] = []
    names: set[str] = set()
    at = directory.start
    for _ in range(directory.count):
        entry, at = read_central(data, at, directory.end)
        if entry.name in names:
            message = "the central directory names the member twice"
            raise WheelError("wheel-zip-duplicate", message, where=entry.name)
        names.add(entry.name)
        named.append(entry)
    if at != directory.end:
        message = (
            f"the central directory has {directory.end - at} bytes beyond its "
            f"{directory.count} members"
        )
        raise WheelError("wheel-zip-end", message)
    named.sort(key=lambda entry: entry.offset)
    entries: list[ZipEntry] = []
    at = 0
    for entry in named:
        if entry.offset != at:
            raise _gap(entry, at)
        entries.append(read_local(data, entry, directory.start))
        at = entries[-1].end
        if at > directory.start:
            message = "the member's data reaches into the central directory"
            raise WheelError("wheel-zip-gap", message, where=entry.name)
    if at != directory.start:
        message = f"{directory.start - at} bytes lie before the central directory"
        raise WheelError("wheel-zip-gap" if entries else "wheel-zip-prefix", message)
    return tuple(entries)


def _gap(entry: ZipEntry, at: int) -> WheelError:
    if at == 0:
        message = f"{entry.offset} bytes lie before the first member"
        return WheelError("wheel-zip-prefix", message, where=entry.name)
    if entry.offset < at:
        message = "the member's bytes overlap with those of another"
    else:
        message = f"{entry.offset - at} bytes lie before it that no member owns"
    return WheelError("wheel-zip-gap", message, where=entry.name)


def _check_sizes(entries: tuple[ZipEntry, ...], packed: int, limits: Limits) -> None:
    total = 0
    for entry in entries:
        if entry.size > limits.file_bytes:
            message = f"{entry.size:,} bytes unpacked (limit {limits.file_bytes:,})"
            raise WheelError("wheel-expands", message, where=entry.name)
        total += entry.size
    if total > limits.total_bytes:
        message = f"{total:,} bytes unpacked in all (limit {limits.total_bytes:,})"
        raise WheelError("wheel-expands", message)
    if total > limits.ratio_from_bytes and total > packed * limits.ratio:
        message = (
            f"{packed:,} bytes expand to {total:,}, more than {limits.ratio} times"
        )
        raise WheelError("wheel-ratio", message)


def pieces(data: bytes, entry: ZipEntry) -> Iterator[bytes | memoryview]:
    """The member's bytes in pieces of at most a mebibyte.

    The last piece comes before the checksum is judged: what was made of the
    pieces counts only when the iterator has ended.

    Raises:
        WheelError: If they are not exactly what the header says: never more than
            `entry.size` bytes are handed out.
    """
    packed = memoryview(data)[entry.start : entry.end]
    made = _stored(packed) if entry.method == STORED else _inflated(packed, entry)
    seen = checksum = 0
    for piece in made:
        seen += len(piece)
        if seen > entry.size:
            message = f"more than the {entry.size:,} bytes that the header says"
            raise WheelError("wheel-zip-data", message, where=entry.name)
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if seen != entry.size:
        message = f"{seen:,} bytes, and the header says {entry.size:,}"
        raise WheelError("wheel-zip-data", message, where=entry.name)
    if checksum != entry.crc:
        message = "the checksum is wrong"
        raise WheelError("wheel-zip-data", message, where=entry.name)


def read_whole(data: bytes, entry: ZipEntry, limit: int, code: str) -> bytes:
    """The bytes of a member that may have at most `limit`.

    Raises:
        WheelError: `code` if it has more; if they are not what the header says.
    """
    if entry.size > limit:
        message = f"{entry.size:,} bytes (limit {limit:,})"
        raise WheelError(code, message, where=entry.name)
    return b"".join(pieces(data, entry))


def _stored(packed: memoryview) -> Iterator[memoryview]:
    for at in range(0, len(packed), _PIECE):
        yield packed[at : at + _PIECE]


def _inflated(packed: memoryview, entry: ZipEntry) -> Iterator[bytes]:
    """Inflate, never more than a piece at once."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    left = 0
    try:
        for at in range(0, len(packed), _FEED):
            if stream.eof:
                break
            feed: bytes | memoryview = packed[at : at + _FEED]
            while True:
                piece = stream.decompress(feed, _PIECE)
                if piece:
                    yield piece
                feed = stream.unconsumed_tail
                if stream.eof or (not feed and len(piece) < _PIECE):
                    break
            left = len(stream.unused_data) + max(0, len(packed) - at - _FEED)
    except zlib.error as error:
        message = f"the deflate stream is broken: {error}"
        raise WheelError("wheel-zip-data", message, where=entry.name) from None
    if not stream.eof:
        message = "the deflate stream is cut off"
        raise WheelError("wheel-zip-data", message, where=entry.name)
    if left:
        message = f"{left:,} bytes follow the end of the deflate stream"
        raise WheelError("wheel-zip-data", message, where=entry.name)

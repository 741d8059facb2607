"""The end of a zip archive, and where its central directory is.

APPNOTE.TXT 4.3.14 to 4.3.16. Readers search for the end record from the back,
from the front, or follow zip64; each finds what the others find only if the file
ends with one record, and every number in it is the only possible one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lockgate_marketplace.errors import WheelError

__all__ = ["Directory", "find_directory"]

_END = struct.Struct("<4sHHHHLLH")
_END_MARK = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\x06\x07"
_END64 = struct.Struct("<4sQHHLLQQQQ")
_END64_MARK = b"PK\x06\x06"
_COMMENT_MAXIMUM = 0xFFFF


@dataclass(frozen=True, slots=True)
class Directory:
    """The central directory: `count` headers in ``data[start:end]``."""

    start: int
    end: int
    count: int


def find_directory(data: bytes) -> Directory:
    """Read the end record (and zip64's), which must be the last bytes of `data`.

    Raises:
        WheelError: If it is not, or its numbers are not the only possible ones.
    """
    at = len(data) - _END.size
    if at < 0 or data[at : at + 4] != _END_MARK or data[-2:] != b"\0\0":
        raise _no_end(data)
    if data.find(_END_MARK, at + 1) != -1:
        message = "the end record contains the mark of another end record"
        raise WheelError("wheel-zip-end", message)
    _, disk, start_disk, here, count, size, start, _ = _END.unpack_from(data, at)
    if (disk, start_disk) != (0, 0) or here != count:
        raise WheelError("wheel-zip-end", "the archive says it spans several disks")
    end = at
    locator = at - _LOCATOR.size
    if locator >= 0 and data[locator : locator + 4] == _LOCATOR_MARK:
        end, values = _read_zip64(data, locator)
        plain = (count, size, start)
        for said, actual, sentinel in zip(
            plain, values, (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True
        ):
            if said not in (actual, sentinel):
                message = f"the end record says {said}, zip64's says {actual}"
                raise WheelError("wheel-zip-zip64", message)
        count, size, start = values
    if start + size != end:
        begin = end - size
        if begin > start and data[begin : begin + 4] in (b"PK\x01\x02", _END_MARK):
            message = f"{begin - start} bytes lie before the archive"
            raise WheelError("wheel-zip-prefix", message)
        message = (
            f"the central directory is said to be bytes {start} to {start + size}, "
            f"and the end record begins at {end}"
        )
        raise WheelError("wheel-zip-end", message)
    return Directory(start, end, count)


def _read_zip64(data: bytes, at: int) -> tuple[int, tuple[int, int, int]]:
    """Where zip64's end record begins, and its count, size and offset."""
    start = at - _END64.size
    _, disk, place, disks = _LOCATOR.unpack_from(data, at)
    if start < 0 or place != start or disk != 0 or disks != 1:
        message = "the zip64 locator does not name the record before it"
        raise WheelError("wheel-zip-zip64", message)
    mark, length, _, _, disk, start_disk, here, count, size, offset = (
        _END64.unpack_from(data, start)
    )
    if mark != _END64_MARK or length != _END64.size - 12:
        message = "the zip64 end record is missing or has data of its own"
        raise WheelError("wheel-zip-zip64", message)
    if (disk, start_disk) != (0, 0) or here != count:
        raise WheelError("wheel-zip-zip64", "the zip64 record names several disks")
    return start, (count, size, offset)


def _no_end(data: bytes) -> WheelError:
    """Why the last bytes are no end record: what a reader would find instead."""
    found = data.rfind(_END_MARK)
    if found < 0:
        return WheelError("wheel-zip-none", "the file has no end-of-archive record")
    rest = len(data) - found - _END.size
    if rest < 0:
        return WheelError("wheel-zip-none", "the end-of-archive record is cut off")
    (comment,) = struct.unpack_from("<H", data, found + _END.size - 2)
    if comment == rest and rest <= _COMMENT_MAXIMUM:
        return WheelError("wheel-zip-comment", f"a comment of {rest} bytes ends it")
    return WheelError("wheel-zip-trailing", f"{rest} bytes follow the archive's end")

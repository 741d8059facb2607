"""RECORD: each member's hash and size, and nothing else.

A CSV file of ``path,sha256=…,size``. `csv` is used only for quoted lines; a line
end within quotes is no path's character and has been refused before.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._text import decoded, text_lines

__all__ = ["Row", "encoded_digest", "read_record", "record_text"]

_STRONG = ("sha256", "sha384", "sha512")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_FIELD_MAXIMUM = 4096
_CODE = "wheel-record"


@dataclass(frozen=True, slots=True)
class Row:
    """What RECORD says of one file: hash algorithm, its digest as text, size."""

    algorithm: str
    digest: str
    size: int


def encoded_digest(digest: bytes) -> str:
    """A digest as RECORD writes it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def read_record(raw: bytes, where: str, files: Iterable[str]) -> Mapping[str, Row]:
    """The row of each of `files`, but for RECORD itself (`where`).

    Raises:
        WheelError: If a file has none or two, a row has no file, or a row is not
            sound.
    """
    wanted = set(files)
    rows: dict[str, Row] = {}
    own = False
    if (count := raw.count(b"\n")) > 2 * len(wanted) + 1_000:
        message = f"it has {count:,} lines for {len(wanted):,} files"
        raise WheelError(_CODE, message, where=where)
    lines = text_lines(decoded(raw, _CODE, where), _CODE, where)
    if lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        path, digest, size = _fields(line, number, where)
        if path in rows or (path == where and own):
            message = f"RECORD lists it again in line {number}"
            raise WheelError("wheel-record-twice", message, where=path)
        if path not in wanted:
            message = f"line {number} of RECORD lists a file that is not in the wheel"
            raise WheelError("wheel-record-absent", message, where=path)
        if path == where:
            own = True
            if digest or size:
                message = "RECORD has a hash or a size of itself"
                raise WheelError(_CODE, message, where=where)
        else:
            rows[path] = _row(path, digest, size)
    if not own:
        raise WheelError(_CODE, "RECORD does not list itself", where=where)
    missing = sorted(wanted - rows.keys() - {where})
    if missing:
        message = f"RECORD does not list it ({len(missing)} such files)"
        raise WheelError("wheel-record-unlisted", message, where=missing[0])
    return rows


def _fields(line: str, number: int, where: str) -> list[str]:
    fields = line.split(",")
    if '"' in line:
        try:
            (fields,) = csv.reader([line], strict=True)
        except (csv.Error, ValueError):
            message = f"line {number} is no line of a CSV file"
            raise WheelError(_CODE, message, where=where) from None
    if len(fields) != 3 or len(line) > _FIELD_MAXIMUM:
        message = f"line {number} has {len(fields)} fields, not path, hash and size"
        raise WheelError(_CODE, message, where=where)
    return fields


def _row(path: str, digest: str, size: str) -> Row:
    algorithm, _, value = digest.partition("=")
    if algorithm not in _STRONG:
        said = algorithm[:40] or "no hash"
        message = f"RECORD vouches for it by {said}"
        raise WheelError("wheel-record-weak", message, where=path)
    length = (hashlib.new(algorithm).digest_size * 4 + 2) // 3
    if len(value) != length:
        message = f"RECORD's {algorithm} has {len(value)} letters, not {length}"
        raise WheelError(_CODE, message, where=path)
    if not _SIZE.fullmatch(size):
        message = f"RECORD's size is {size[:40]!r}"
        raise WheelError(_CODE, message, where=path)
    return Row(algorithm, value, int(size))


def record_text(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """A RECORD of `rows`: path, hash, size."""

    def quoted(path: str) -> str:
        return (
            f'"{path.replace(chr(34), chr(34) * 2)}"' if set(path) & {*',"'} else path
        )

    return "".join(f"{quoted(path)},{h},{s}\n" for path, h, s in rows).encode()

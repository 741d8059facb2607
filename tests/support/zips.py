"""A zip writer that writes what it is told, right or wrong, byte for byte.

`zip_bytes` of plain `Entry` values is an honest archive. Every field of both
headers, the order and number of records, and what lies before, between and after
them can be set, which `zipfile` cannot do. Numbers are APPNOTE.TXT's sections.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = [
    "DEFLATED",
    "End",
    "Entry",
    "descriptor",
    "extra_field",
    "zip64_sizes",
    "zip_bytes",
]

DEFLATED = 8
UTF8_FLAG = 0x0800
DESCRIPTOR_FLAG = 0x0008
_DATE = (46 << 9) | (1 << 5) | 1  # 2026-01-01


@dataclass
class Entry:
    """One member: its bytes, and what each header says of them (None: the truth)."""

    name: str | bytes
    data: bytes = b""
    deflate: bool = False
    mode: int = 0o100644
    """The Unix mode, with its type; 0 writes no attributes at all."""
    system: int = 3
    """4.4.2: who made it; 3 is Unix, 0 is MS-DOS."""
    attributes: int | None = None
    """The whole external attributes, in the place of `mode`."""
    flags: int | None = None
    method: int | None = None
    needs: int = 20
    """4.4.3: the version needed to extract, of both headers."""
    packed: bytes | None = None
    """The stored bytes themselves, in the place of `data` as it is packed."""
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    local: dict[str, int] = field(default_factory=dict[str, int])
    """Only in the local header: flags method crc size packed_size needs."""
    local_name: bytes | None = None
    local_extra: bytes | None = None
    after: bytes = b""
    """What follows the stored bytes: a data descriptor, or anything."""
    hidden: bool = False
    """In no central directory."""
    ghost: bool = False
    """In the central directory only."""
    times: int = 1
    """How often the central directory names it."""
    offset: int | None = None
    """Where the central directory says that it begins."""
    disk: int = 0

    def raw_name(self) -> bytes:
        return self.name.encode() if isinstance(self.name, str) else self.name

    def stored(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if not self.deflate:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()

    def said(self, stored: bytes, *, local: bool) -> dict[str, int]:
        """The fields that both headers have, as one of them says them."""
        ascii_name = self.raw_name().isascii()
        truth = {
            "flags": 0 if ascii_name else UTF8_FLAG,
            "method": DEFLATED if self.deflate else 0,
            "crc": zlib.crc32(self.data),
            "size": len(self.data),
            "packed_size": len(stored),
            "needs": self.needs,
        }
        own = {
            "flags": self.flags,
            "method": self.method,
            "crc": self.crc,
            "size": self.size,
            "packed_size": self.packed_size,
        }
        truth.update({key: value for key, value in own.items() if value is not None})
        return {**truth, **self.local} if local else truth


@dataclass
class End:
    """The end of the archive: what it says, and what surrounds it (None: the truth)."""

    prefix: bytes = b""
    shift: bool = True
    """Whether the offsets count the prefix, as a rebuilt archive's do."""
    before_central: bytes = b""
    after_central: bytes = b""
    """Between central directory and end record; a zip64 record of one's own."""
    suffix: bytes = b""
    comment: bytes = b""
    comment_size: int | None = None
    count: int | None = None
    count_here: int | None = None
    central_size: int | None = None
    central_offset: int | None = None
    disk: int = 0
    central_disk: int = 0
    zip64: bool = False
    """Write the zip64 end record and its locator, and sentinels in the plain one."""
    zip64_extensible: bytes = b""
    zip64_record: dict[str, int] = field(default_factory=dict[str, int])
    """Fields of the zip64 end record: count count_here size offset length."""
    locator_offset: int | None = None
    locator_disks: int = 1
    locator: bool = True
    plain_end: bool = True
    sentinels: bool = True
    """With zip64: whether the plain record says ffff… or the truth."""


def extra_field(tag: int, body: bytes) -> bytes:
    """One extra field (4.5.1)."""
    return struct.pack("<HH", tag, len(body)) + body


def zip64_sizes(*values: int) -> bytes:
    """The zip64 extra field (4.5.3): size, packed size, offset, as many as given."""
    return extra_field(1, struct.pack(f"<{len(values)}Q", *values))


def descriptor(
    entry: Entry, *, signed: bool = True, zip64: bool = False, **other: int
) -> bytes:
    """The data descriptor (4.3.9) of an entry; `other` are crc, packed_size, size."""
    said = {**entry.said(entry.stored(), local=False), **other}
    head = b"PK\x07\x08" if signed else b""
    form = "<LQQ" if zip64 else "<LLL"
    return head + struct.pack(form, said["crc"], said["packed_size"], said["size"])


def _local(entry: Entry, stored: bytes) -> bytes:
    said = entry.said(stored, local=True)
    name = entry.raw_name() if entry.local_name is None else entry.local_name
    extra = entry.extra if entry.local_extra is None else entry.local_extra
    fixed = struct.pack(
        "<4sHHHHHLLLHH",
        b"PK\x03\x04",
        said["needs"],
        said["flags"],
        said["method"],
        0,
        _DATE,
        said["crc"],
        said["packed_size"],
        said["size"],
        len(name),
        len(extra),
    )
    return fixed + name + extra + stored + entry.after


def _central(entry: Entry, stored: bytes, offset: int) -> bytes:
    said = entry.said(stored, local=False)
    name = entry.raw_name()
    attributes = entry.mode << 16 if entry.attributes is None else entry.attributes
    fixed = struct.pack(
        "<4sHHHHHHLLLHHHHHLL",
        b"PK\x01\x02",
        (entry.system << 8) | 20,
        said["needs"],
        said["flags"],
        said["method"],
        0,
        _DATE,
        said["crc"],
        said["packed_size"],
        said["size"],
        len(name),
        len(entry.extra),
        len(entry.comment),
        entry.disk,
        0,
        attributes,
        offset if entry.offset is None else entry.offset,
    )
    return fixed + name + entry.extra + entry.comment


def _said(value: int | None, truth: int) -> int:
    return truth if value is None else value


def _zip64_end(end: End, count: int, size: int, offset: int, at: int) -> bytes:
    said = {
        "length": 44 + len(end.zip64_extensible),
        "count_here": count,
        "count": count,
        "size": size,
        "offset": offset,
        **end.zip64_record,
    }
    record = struct.pack(
        "<4sQHHLLQQQQ",
        b"PK\x06\x06",
        said["length"],
        45,
        45,
        end.disk,
        end.central_disk,
        said["count_here"],
        said["count"],
        said["size"],
        said["offset"],
    )
    locator = struct.pack(
        "<4sLQL", b"PK\x06\x07", 0, _said(end.locator_offset, at), end.locator_disks
    )
    return record + end.zip64_extensible + (locator if end.locator else b"")


def zip_bytes(entries: Iterable[Entry], end: End | None = None) -> bytes:
    """The archive of `entries`, in their order."""
    end = end or End()
    shift = 0 if end.shift else len(end.prefix)
    parts: list[bytes] = [end.prefix]
    at = len(end.prefix)
    central: list[bytes] = []
    for entry in entries:
        stored = entry.stored()
        if not entry.hidden:
            central += [_central(entry, stored, at - shift)] * entry.times
        if not entry.ghost:
            parts.append(_local(entry, stored))
            at += len(parts[-1])
    parts.append(end.before_central)
    offset = at + len(end.before_central) - shift
    directory = b"".join(central)
    parts += [directory, end.after_central]
    count, size = len(central), len(directory)
    said = [
        _said(end.count_here, count),
        _said(end.count, count),
        _said(end.central_size, size),
        _said(end.central_offset, offset),
    ]
    if end.zip64:
        place = offset + size + len(end.after_central)
        parts.append(_zip64_end(end, count, size, offset, place))
        if end.sentinels:
            said = [0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF]
    if end.plain_end:
        length = _said(end.comment_size, len(end.comment))
        fields = (end.disk, end.central_disk, *said, length)
        parts += [struct.pack("<4sHHHHLLH", b"PK\x05\x06", *fields), end.comment]
    return b"".join([*parts, end.suffix])

"""The strict reader against archives that two readers read in two ways.

The ideas are those of the public corpora (a package index's upload checks, fuzzed
archives of differential readers); the archives are made here, byte by byte.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._zip import pieces, read_archive
from tests.support.zips import (
    DEFLATED,
    DESCRIPTOR_FLAG,
    End,
    Entry,
    descriptor,
    extra_field,
    zip64_sizes,
    zip_bytes,
)

TEXT = b"text of a member\n" * 20
SENTINEL = 0xFFFFFFFF
UNICODE_PATH = 0x7075
MARK = b"PK\x05\x06"


def read(data: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    """Every file of the archive, as the strict reader reads it."""
    entries = read_archive(data, limits or Limits())
    return {entry.name: b"".join(pieces(data, entry)) for entry in entries}


def code_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(WheelError) as refused:
        read(data, limits)
    return refused.value.code


def one(**how: object) -> list[Entry]:
    return [replace(Entry("a.txt", TEXT), **how)]  # type: ignore[arg-type]


def after(entry: Entry, tail: bytes) -> Entry:
    return replace(entry, after=tail)


def streamed(**how: object) -> list[Entry]:
    """A member with a data descriptor; `how` are what the descriptor says."""
    entry = Entry("a.txt", TEXT, flags=DESCRIPTOR_FLAG)
    entry.local = {"crc": 0, "size": 0, "packed_size": 0}
    entry.after = descriptor(entry, **how)  # type: ignore[arg-type]
    return [entry]


def end64(count: int, size: int, offset: int, extensible: bytes = b"") -> bytes:
    """A zip64 end record without a locator."""
    head = struct.pack("<4sQHHLL", b"PK\x06\x06", 44 + len(extensible), 45, 45, 0, 0)
    return head + struct.pack("<QQQQ", count, count, size, offset) + extensible


INNER = zip_bytes([Entry("inner.txt", b"inner")])
UNICODE = extra_field(
    UNICODE_PATH, b"\x01" + struct.pack("<L", zlib.crc32(b"a.txt")) + b"b.txt"
)

REFUSED: dict[str, tuple[list[Entry], End, str]] = {
    # The end of the archive.
    "no zip": ([], End(plain_end=False, suffix=b"hello"), "wheel-zip-none"),
    "cut off": ([], End(plain_end=False, suffix=MARK + b"\0" * 9), "wheel-zip-none"),
    "comment": (one(), End(comment=b"hello"), "wheel-zip-comment"),
    "comment that is an archive": (one(), End(comment=INNER), "wheel-zip-prefix"),
    "comment of 8 bits": (one(), End(comment=b"\xff\xfe"), "wheel-zip-comment"),
    "trailing bytes": (one(), End(suffix=b"tail"), "wheel-zip-trailing"),
    "trailing archive": (one(), End(suffix=INNER), "wheel-zip-prefix"),
    "prefix": (one(), End(prefix=b"#!/bin/sh\n", shift=False), "wheel-zip-prefix"),
    "prefix, offsets right": (one(), End(prefix=b"MZ"), "wheel-zip-prefix"),
    "prefix archive": (one(), End(prefix=INNER), "wheel-zip-prefix"),
    "prefix and nothing": ([], End(prefix=b"hello"), "wheel-zip-prefix"),
    "two end records": (
        one(),
        End(after_central=MARK + struct.pack("<HHHHLLH", 0, 0, 1, 1, 51, 376, 0)),
        "wheel-zip-end",
    ),
    "two disks": (one(), End(disk=1), "wheel-zip-end"),
    "directory on another disk": (one(), End(central_disk=1), "wheel-zip-end"),
    "fewer here than in all": (one(), End(count_here=0), "wheel-zip-end"),
    "too few counted": (one() * 1, End(count=0, count_here=0), "wheel-zip-end"),
    "too many counted": (one(), End(count=2, count_here=2), "wheel-zip-header"),
    "directory size less": (one(), End(central_size=50), "wheel-zip-end"),
    "directory offset less": (one(), End(central_offset=1), "wheel-zip-prefix"),
    "comment longer than there": (one(), End(comment_size=9), "wheel-zip-trailing"),
    # zip64.
    "zip64 extensible data": (
        one(),
        End(zip64=True, zip64_extensible=b"\0" * 8),
        "wheel-zip-zip64",
    ),
    "zip64 locator elsewhere": (
        one(),
        End(zip64=True, locator_offset=7),
        "wheel-zip-zip64",
    ),
    "zip64 on two disks": (one(), End(zip64=True, locator_disks=2), "wheel-zip-zip64"),
    "zip64 record without locator": (
        one(),
        End(zip64=True, locator=False),
        "wheel-zip-end",
    ),
    "zip64 record without plain end": (
        one(),
        End(zip64=True, plain_end=False),
        "wheel-zip-none",
    ),
    "zip64 record beside a true plain one": (
        one(),
        End(after_central=end64(1, 51, 376)),
        "wheel-zip-end",
    ),
    "zip64 says another count": (
        one(),
        End(zip64=True, sentinels=False, zip64_record={"count": 2, "count_here": 2}),
        "wheel-zip-zip64",
    ),
    "zip64 says another offset": (
        one(),
        End(zip64=True, zip64_record={"offset": 3}),
        "wheel-zip-prefix",
    ),
    "zip64 says another disk's count": (
        one(),
        End(zip64=True, zip64_record={"count_here": 0}),
        "wheel-zip-zip64",
    ),
    "zip64 of another length": (
        one(),
        End(zip64=True, zip64_record={"length": 43}),
        "wheel-zip-zip64",
    ),
    "zip64 count beyond all": (
        one(),
        End(zip64=True, zip64_record={"count": 2**63, "count_here": 2**63}),
        "wheel-file-count",
    ),
    "zip64 sizes too many": (
        one(local={"size": SENTINEL, "packed_size": SENTINEL}, extra=zip64_sizes(1)),
        End(),
        "wheel-zip-zip64",
    ),
    "zip64 sizes too few": (
        one(size=SENTINEL, packed_size=SENTINEL, extra=zip64_sizes(340)),
        End(),
        "wheel-zip-zip64",
    ),
    "zip64 sizes unasked and other": (
        one(extra=zip64_sizes(340, 341)),
        End(),
        "wheel-zip-zip64",
    ),
    "zip64 one size in the local header": (
        one(local={"size": SENTINEL}, local_extra=zip64_sizes(340)),
        End(),
        "wheel-zip-zip64",
    ),
    "zip64 sentinel without field": (one(size=SENTINEL), End(), "wheel-zip-zip64"),
    # Members.
    "local header only": (
        [Entry("b", b"b", hidden=True), *one()],
        End(),
        "wheel-zip-prefix",
    ),
    "local header only, last": (
        [*one(), Entry("b", b"b", hidden=True)],
        End(),
        "wheel-zip-gap",
    ),
    "local header only, same name": (
        [*one(), Entry("a.txt", b"b", hidden=True), Entry("c")],
        End(),
        "wheel-zip-gap",
    ),
    "directory only": (
        [*one(), Entry("b", b"b", ghost=True)],
        End(),
        "wheel-zip-header",
    ),
    "directory names one twice": (one(times=2), End(), "wheel-zip-duplicate"),
    "same name twice": ([*one(), *one()], End(), "wheel-zip-duplicate"),
    "bytes between members": (
        [after(one()[0], b"between"), Entry("b")],
        End(),
        "wheel-zip-gap",
    ),
    "bytes before the directory": (
        one(),
        End(before_central=b"before"),
        "wheel-zip-gap",
    ),
    "members overlap": (
        [Entry("a", zip_bytes([Entry("b", b"b")])[:32]), Entry("b", b"b", offset=31)],
        End(),
        "wheel-zip-gap",
    ),
    "two members share one header": (
        [Entry("a", b"b"), Entry("b", b"b", offset=0)],
        End(),
        "wheel-zip-gap",
    ),
    "data reaches into the directory": (
        one(size=900, packed_size=900),
        End(),
        "wheel-zip-gap",
    ),
    "member comment": (one(comment=b"x"), End(), "wheel-zip-comment"),
    "member on disk 1": (one(disk=1), End(), "wheel-zip-end"),
    "names differ": (one(local_name=b"b.txt"), End(), "wheel-zip-differs"),
    "name longer in local": (one(local_name=b"a.txt\0"), End(), "wheel-zip-differs"),
    "methods differ": (one(local={"method": DEFLATED}), End(), "wheel-zip-differs"),
    "sizes differ": (one(local={"size": 1}), End(), "wheel-zip-differs"),
    "packed sizes differ": (one(local={"packed_size": 1}), End(), "wheel-zip-differs"),
    "checksums differ": (one(local={"crc": 1}), End(), "wheel-zip-differs"),
    "flags differ": (one(local={"flags": 2}), End(), "wheel-zip-differs"),
    "checksum wrong": (one(crc=1), End(), "wheel-zip-data"),
    "size wrong, stored": (one(size=3), End(), "wheel-zip-data"),
    "size less, deflated": (one(size=3, deflate=True), End(), "wheel-zip-data"),
    "size more, deflated": (one(size=999, deflate=True), End(), "wheel-zip-data"),
    "deflate stream broken": (
        one(packed=b"\xff" * 9, method=8),
        End(),
        "wheel-zip-data",
    ),
    "deflate stream empty": (one(packed=b"", method=8), End(), "wheel-zip-data"),
    "folder with data": ([Entry("a/", b"x", mode=0)], End(), "wheel-zip-data"),
    "folder with hidden data": (
        [Entry("a/", mode=0, packed=b"hidden")],
        End(),
        "wheel-zip-data",
    ),
    "folder with hidden data, deflated": (
        [Entry("a/", mode=0, method=8, packed=b"\3\0hidden")],
        End(),
        "wheel-zip-data",
    ),
    "no name": ([Entry("", b"x")], End(), "wheel-path-escapes"),
    # Flags, methods, data descriptors.
    "encrypted": (one(flags=1), End(), "wheel-zip-flags"),
    "strongly encrypted": (one(flags=0x41), End(), "wheel-zip-flags"),
    "headers masked": (one(flags=0x2000), End(), "wheel-zip-flags"),
    "patched": (one(flags=0x20), End(), "wheel-zip-flags"),
    "bzip2": (one(method=12), End(), "wheel-zip-method"),
    "lzma": (one(method=14), End(), "wheel-zip-method"),
    "zstd": (one(method=93), End(), "wheel-zip-method"),
    "version beyond": (one(needs=63), End(), "wheel-zip-method"),
    "descriptor": (streamed(), End(), "wheel-zip-descriptor"),
    "descriptor unsigned": (streamed(signed=False), End(), "wheel-zip-descriptor"),
    "descriptor zip64": (streamed(zip64=True), End(), "wheel-zip-descriptor"),
    "descriptor checksum": (streamed(crc=0), End(), "wheel-zip-descriptor"),
    "descriptor size": (streamed(size=1), End(), "wheel-zip-descriptor"),
    "descriptor packed": (streamed(packed_size=1), End(), "wheel-zip-descriptor"),
    "descriptor in local only": (
        one(local={"flags": 8}),
        End(),
        "wheel-zip-descriptor",
    ),
    # Names and extra fields.
    "name of 8 bits": (one(name=b"\x81.txt", flags=0), End(), "wheel-path-encoding"),
    "name not UTF-8": (one(name=b"\xff.txt"), End(), "wheel-path-encoding"),
    "extra cut off": (one(extra=b"UT\x09\0x"), End(), "wheel-zip-extra"),
    "extra of 3 bytes": (one(extra=b"UT\0"), End(), "wheel-zip-extra"),
    "extra twice": (one(extra=extra_field(0x5455, b"") * 2), End(), "wheel-zip-extra"),
    "extra renames": (one(extra=UNICODE), End(), "wheel-zip-extra"),
    "extra renames in local": (one(local_extra=UNICODE), End(), "wheel-zip-extra"),
    "extra links": (one(extra=extra_field(0x756E, b"x")), End(), "wheel-zip-extra"),
    "extra unknown": (one(extra=extra_field(0xCAFE, b"")), End(), "wheel-zip-extra"),
    # Types.
    "link": (one(mode=stat.S_IFLNK | 0o777), End(), "wheel-file-type"),
    "link by MS-DOS": (one(mode=stat.S_IFLNK, system=0), End(), "wheel-file-type"),
    "device": (one(mode=stat.S_IFCHR | 0o666), End(), "wheel-file-type"),
    "pipe": (one(mode=stat.S_IFIFO | 0o666), End(), "wheel-file-type"),
    "socket": (one(mode=stat.S_IFSOCK | 0o666), End(), "wheel-file-type"),
    "folder by mode": (one(mode=stat.S_IFDIR | 0o755), End(), "wheel-file-type"),
    "folder by attribute": (one(attributes=0x10), End(), "wheel-file-type"),
    "set-uid": (one(mode=0o104755), End(), "wheel-file-type"),
    "file with a folder's name": (
        [Entry("a/", mode=0o100644)],
        End(),
        "wheel-file-type",
    ),
}


@pytest.mark.parametrize(("entries", "end", "code"), REFUSED.values(), ids=REFUSED)
def test_an_archive_that_readers_differ_over_is_refused(
    entries: list[Entry], end: End, code: str
) -> None:
    assert code_of(zip_bytes(entries, end)) == code


def test_the_standard_librarys_reader_takes_many_of_them() -> None:
    """The reason for a reader of our own; the number is what Python 3.11 takes."""
    taken: list[str] = []
    for name, (entries, end, _) in REFUSED.items():
        try:
            with zipfile.ZipFile(io.BytesIO(zip_bytes(entries, end))) as archive:
                for info in archive.infolist():
                    archive.read(info)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
            continue
        except (ValueError, EOFError, zlib.error, UnicodeError, struct.error):
            continue
        taken.append(name)

    assert len(taken) > 40
    assert {"prefix", "same name twice", "descriptor", "local header only"} <= {*taken}


ACCEPTED: dict[str, tuple[list[Entry], End]] = {
    "empty": ([], End()),
    "stored": (one(), End()),
    "deflated": (one(deflate=True), End()),
    "empty member": ([Entry("a"), Entry("b", deflate=True)], End()),
    "folder": ([Entry("a/", mode=0), Entry("a/b", TEXT)], End()),
    "folder by mode": ([Entry("a/", mode=stat.S_IFDIR | 0o755)], End()),
    "no attributes": (one(mode=0, system=0), End()),
    "name in UTF-8": ([Entry("ü.txt", TEXT)], End()),
    "times and owner": (
        one(extra=extra_field(0x5455, b"\1abcd") + extra_field(0x7875, b"x")),
        End(),
    ),
    "deflate level": (one(flags=6, deflate=True), End()),
    "zip64 end": (one(), End(zip64=True)),
    "zip64 end beside a true plain one": (one(), End(zip64=True, sentinels=False)),
    "zip64 sizes": (
        one(
            local={"size": SENTINEL, "packed_size": SENTINEL},
            local_extra=zip64_sizes(340, 340),
        ),
        End(),
    ),
    "zip64 sizes in both": (
        one(extra=zip64_sizes(340, 340), size=SENTINEL, packed_size=SENTINEL),
        End(),
    ),
    "zip64 sizes unasked and true": (one(extra=zip64_sizes(340, 340)), End()),
    "mark in the data": ([Entry("a", MARK + b"PK\3\4PK\1\2" * 5)], End()),
    "large member": ([Entry("a", bytes(range(250)) * 12_000)], End()),
    "large member, deflated": ([Entry("a", b"ab" * 1_500_000, deflate=True)], End()),
}


@pytest.mark.parametrize(("entries", "end"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_sound_archive_is_read_as_zipfile_reads_it(
    entries: list[Entry], end: End
) -> None:
    data = zip_bytes(entries, end)

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert read(data) == {i.filename: archive.read(i) for i in archive.infolist()}


def test_bytes_behind_a_deflate_stream_are_refused() -> None:
    hidden = Entry("a", TEXT, deflate=True)
    hidden.packed = hidden.stored() + b"hidden"
    far = Entry("a", TEXT, deflate=True)
    far.packed = far.stored() + b"\0" * 200_000

    assert code_of(zip_bytes([hidden])) == "wheel-zip-data"
    assert code_of(zip_bytes([far])) == "wheel-zip-data"


@pytest.mark.parametrize("size", range(60))
def test_marks_before_a_short_archives_end_are_no_zip64(size: int) -> None:
    """An offset that is negative would be one from the end."""
    for marks in (b"PK\6\7" * 4, b"PK\6\6" * 4, b"\0\0\0\0PK\6\7\0\0\0\0"):
        raw = (marks * 9)[:size] + b"PK\5\6" + bytes(4) + marks[:12] + b"\0\0"
        assert code_of(raw).startswith("wheel-zip-")


def test_a_lie_about_the_size_never_hands_out_more_than_it_says() -> None:
    bomb = Entry("a", b"\0" * 50_000_000, deflate=True, size=10)
    data = zip_bytes([bomb])
    (entry,) = read_archive(data, Limits())
    handed = 0

    def take() -> None:
        nonlocal handed
        for piece in pieces(data, entry):
            handed += len(piece)

    with pytest.raises(WheelError):
        take()
    assert handed == 0


LIMITED: dict[str, tuple[Callable[[], bytes], Limits, str]] = {
    "members": (
        lambda: zip_bytes([Entry(f"f{n}") for n in range(11)]),
        Limits(files=10),
        "wheel-file-count",
    ),
    "one member": (
        lambda: zip_bytes([Entry("a", b"\0" * 101)]),
        Limits(file_bytes=100),
        "wheel-expands",
    ),
    "all members": (
        lambda: zip_bytes([Entry(f"f{n}", b"\0" * 60) for n in range(2)]),
        Limits(file_bytes=100, total_bytes=100),
        "wheel-expands",
    ),
    "ratio": (
        lambda: zip_bytes([Entry("a", b"\0" * 100_000, deflate=True)]),
        Limits(ratio_from_bytes=10_000),
        "wheel-ratio",
    ),
}


@pytest.mark.parametrize(("make", "limits", "code"), LIMITED.values(), ids=LIMITED)
def test_a_limit_is_held_before_anything_is_inflated(
    make: Callable[[], bytes], limits: Limits, code: str
) -> None:
    data = make()

    with pytest.raises(WheelError) as refused:
        read_archive(data, limits)

    assert refused.value.code == code
    assert read(data)

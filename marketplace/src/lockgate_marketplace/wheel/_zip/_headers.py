"""The two headers of each member of a zip archive (APPNOTE.TXT 4.3.7, 4.3.12)."""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, replace

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._zip._extra import (
    SENTINEL,
    extra_fields,
    zip64_values,
)

__all__ = ["DEFLATED", "STORED", "ZipEntry", "read_central", "read_local"]

STORED = 0
DEFLATED = 8

_CENTRAL = struct.Struct("<4sBBHHHLLLLHHHHHLL")
_CENTRAL_MARK = b"PK\x01\x02"
_LOCAL = struct.Struct("<4sHHHLLLLHH")
_LOCAL_MARK = b"PK\x03\x04"
_LEVEL_FLAGS = 0x0006  # how hard deflate tried
_UTF8_FLAG = 0x0800
_DESCRIPTOR_FLAG = 0x0008
_NEEDS_MAXIMUM = 45  # zip64; the versions above are for methods not let in
_DOS_FOLDER = 0x10


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One member, as both headers say it; its packed bytes begin at `start`."""

    name: str
    """With a slash at the end, if it is a folder."""
    mode: int
    """Unix permissions, 0 if the archive has none."""
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    """Of the local header."""
    start: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether it names a folder, and has no bytes."""
        return self.name.endswith("/")

    @property
    def end(self) -> int:
        """Where its packed bytes end."""
        return self.start + self.packed_size


def read_central(data: bytes, at: int, end: int) -> tuple[ZipEntry, int]:
    """The central header at `at`, and where the next one begins.

    Raises:
        WheelError: If it is malformed, or says what a wheel may not.
    """
    if end - at < _CENTRAL.size or data[at : at + 4] != _CENTRAL_MARK:
        message = "the central directory has fewer members than the archive says"
        raise WheelError("wheel-zip-header", message)
    fields = _CENTRAL.unpack_from(data, at)
    needs, flags, method = fields[3:6]
    crc, packed, size, name_size, extra_size, comment_size, disk = fields[7:14]
    attributes, offset = fields[15:17]
    after = at + _CENTRAL.size + name_size + extra_size + comment_size
    if after > end:
        message = "a header reaches beyond the central directory"
        raise WheelError("wheel-zip-header", message)
    at += _CENTRAL.size
    name = _name(data[at : at + name_size], flags)
    if comment_size:
        raise WheelError("wheel-zip-comment", "the member has a comment", where=name)
    if disk:
        message = f"the member is said to be on disk {disk}"
        raise WheelError("wheel-zip-end", message, where=name)
    _check_packing(needs, flags, method, name)
    mode = _permissions(attributes, name)
    extra = extra_fields(data[at + name_size : after], name)
    size, packed, offset = zip64_values((size, packed, offset), extra, name)
    entry = ZipEntry(name, mode, flags, method, crc, packed, size, offset)
    if entry.is_folder and size:
        message = f"the folder has {size} bytes of data"
        raise WheelError("wheel-zip-data", message, where=name)
    return entry, after


def _name(raw: bytes, flags: int) -> str:
    shown = raw.decode("utf-8", "backslashreplace")
    if not raw:
        raise WheelError("wheel-path-escapes", "a member has no name")
    if not raw.isascii() and not flags & _UTF8_FLAG:
        message = "the name has letters beyond ASCII and does not say that it is UTF-8"
        raise WheelError("wheel-path-encoding", message, where=shown)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        message = "the name is not UTF-8"
        raise WheelError("wheel-path-encoding", message, where=shown) from None


def _check_packing(needs: int, flags: int, method: int, name: str) -> None:
    if flags & _DESCRIPTOR_FLAG:
        message = "the member's sizes stand behind its data"
        raise WheelError("wheel-zip-descriptor", message, where=name)
    if flags & ~(_LEVEL_FLAGS | _UTF8_FLAG):
        message = f"the member has the flags {flags:#06x}"
        raise WheelError("wheel-zip-flags", message, where=name)
    if method not in (STORED, DEFLATED) or needs & 0xFF > _NEEDS_MAXIMUM:
        message = f"the member is packed by method {method} (zip version {needs})"
        raise WheelError("wheel-zip-method", message, where=name)


def _permissions(attributes: int, name: str) -> int:
    """The member's permissions; its type must be a plain file's or a folder's.

    Whoever made it: pip and uv read the Unix mode of an archive from MS-DOS too.
    """
    mode = attributes >> 16
    folder = name.endswith("/")
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        what = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}
        message = f"the member says that it is {what.get(kind, 'no plain file')}"
        raise WheelError("wheel-file-type", message, where=name, mode=oct(mode))
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX) and not folder:
        message = f"the member has set-id or sticky bits ({stat.S_IMODE(mode):o})"
        raise WheelError("wheel-file-type", message, where=name, mode=oct(mode))
    if attributes & _DOS_FOLDER and not folder:
        message = "the member has a file's name and a folder's attribute"
        raise WheelError("wheel-file-type", message, where=name)
    return stat.S_IMODE(mode) & 0o777


def read_local(data: bytes, entry: ZipEntry, raw_limit: int) -> ZipEntry:
    """`entry` with the place of its bytes, from the local header before them.

    `raw_limit` is where the central directory begins.

    Raises:
        WheelError: If the local header says anything that the central one does not.
    """
    at, name = entry.offset, entry.name
    if at + _LOCAL.size > raw_limit or data[at : at + 4] != _LOCAL_MARK:
        message = f"no local header is at byte {at}, where the directory says one is"
        raise WheelError("wheel-zip-header", message, where=name)
    _, needs, flags, method, _, crc, packed, size, name_size, extra_size = (
        _LOCAL.unpack_from(data, at)
    )
    at += _LOCAL.size
    start = at + name_size + extra_size
    if start > raw_limit:
        message = "the local header reaches into the central directory"
        raise WheelError("wheel-zip-header", message, where=name)
    if data[at : at + name_size] != name.encode():
        other = data[at : at + name_size].decode("utf-8", "backslashreplace")
        message = f"the local header names {other[:200]!r}"
        raise WheelError("wheel-zip-differs", message, where=name)
    _check_packing(needs, flags, method, name)
    extra = extra_fields(data[at + name_size : start], name)
    if (size == SENTINEL) != (packed == SENTINEL):
        message = "the local header has one size in zip64's field, not both"
        raise WheelError("wheel-zip-zip64", message, where=name)
    size, packed = zip64_values((size, packed), extra, name)
    _check_same(entry, flags, method, crc, size, packed)
    return replace(entry, start=start)


def _check_same(
    entry: ZipEntry, flags: int, method: int, crc: int, size: int, packed: int
) -> None:
    """Whether the local header, whose fields these are, says what the central one did.

    Raises:
        WheelError: ``wheel-zip-differs``.
    """
    for what, here, there in (
        ("flags", flags, entry.flags),
        ("method", method, entry.method),
        ("checksum", crc, entry.crc),
        ("size", size, entry.size),
        ("packed size", packed, entry.packed_size),
    ):
        if here != there:
            message = f"{what}: {here} in the local header, {there} in the directory"
            raise WheelError("wheel-zip-differs", message, where=entry.name)

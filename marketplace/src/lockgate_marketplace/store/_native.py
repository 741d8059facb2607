"""Shared libraries that look for others beside their own wheel (ELF, ``RUNPATH``).

A wheel of a large binary stack may leave its libraries to other wheels and find them by
a path relative to itself: ``$ORIGIN/../../nvidia/cublas/lib``. That path leads into the
other wheel only if both lie in one folder. Facts: System V ABI, chapters 4 and 5 (the
ELF header, the dynamic section); ``ld.so(8)`` on ``$ORIGIN``.
"""

from __future__ import annotations

import os
import posixpath
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["leaves_its_folder", "run_paths"]

_LIMIT_BYTES = 64 * 1024
"""Of a path, and of the table of the dynamic section."""
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 5, 15, 29
_ORIGINS = ("$ORIGIN", "${ORIGIN}")


def leaves_its_folder(root: Path, path: str) -> bool:
    """Whether the library `path` of the wheel unpacked in `root` needs a neighbour.

    It does if it looks, relative to itself, into a folder that its wheel has not.
    """
    if ".so" not in path or not path.startswith("site/"):
        return False
    here = posixpath.dirname(path)
    try:
        with (root / path).open("rb") as file:
            paths = list(run_paths(file))
    except OSError:
        return False
    for one in paths:
        for origin in _ORIGINS:
            if one.startswith(origin):
                sought = posixpath.normpath(here + "/" + one[len(origin) :].lstrip("/"))
                if not os.path.isdir(root / sought):  # noqa: PTH112
                    return True
    return False


def run_paths(file: BinaryIO) -> Iterator[str]:
    """Each folder that the 64-bit little-endian ELF file has the loader look in.

    Nothing for a file of another kind, or an unsound one: the loader refuses it.
    """
    try:
        yield from _run_paths(file)
    except (struct.error, ValueError, OverflowError):
        return


def _run_paths(file: BinaryIO) -> Iterator[str]:
    head = file.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        return
    (start,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    loads: list[tuple[int, int, int]] = []
    dynamic = (0, 0)
    for number in range(min(count, 512)):
        kind, _, offset, address, _, length = struct.unpack(
            "<IIQQQQ", _at(file, start + number * size, 40)
        )
        if kind == _PT_LOAD:
            loads.append((address, length, offset))
        elif kind == _PT_DYNAMIC:
            dynamic = (offset, length)
    table = _at(file, dynamic[0], min(dynamic[1], _LIMIT_BYTES) // 16 * 16)
    entries = list(struct.iter_unpack("<QQ", table))
    texts = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    if texts is None:
        return
    for address, length, offset in loads:
        if address <= texts < address + length:
            texts += offset - address
            break
    for tag, value in entries:
        if tag in (_DT_RPATH, _DT_RUNPATH):
            text = _at(file, texts + value, _LIMIT_BYTES).partition(b"\0")[0]
            yield from filter(None, text.decode("utf-8", "replace").split(":"))


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)

"""The index: what discovery found last time, in one file of the user's cache.

The file (`lockgate.discovery._index_format`) is believed if it is a regular file
that the user owns and nobody else can write, its CRC is right, it was made by
this code for this search path, and every stamp in it still holds. In every other
case it is made anew: an index can be stale, cut off, foreign or hostile, and
discovery still tells the truth.
"""

from __future__ import annotations

import binascii
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from sys import implementation

from lockgate._hook.api import HOOK_API_VERSION
from lockgate._text.files import ABSENT, Stamp, stamp, stamp_fresh
from lockgate.discovery import _index_format as form

__all__ = [
    "DAMAGE",
    "fresh",
    "holds",
    "holds_within",
    "index_path",
    "key_of",
    "load",
    "save",
    "stored",
    "trouble",
    "unchanged",
]

DAMAGE = (ValueError, TypeError, KeyError, IndexError, RuntimeError)
"""What decoding an index raises that this code did not write."""

_INDEX_LIMIT_BYTES = 64 * 1024 * 1024
_FIRST_READ_BYTES = 8 * 1024
"""Holds the first part for a few dozen plugins; more is read if it is longer."""
_LEFT_SECONDS = 3600
"""To write takes milliseconds: what is older, nobody goes on with."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH
_CODE = f"{form.FORMAT}\0{HOOK_API_VERSION}\0{implementation.cache_tag}\0"


def key_of(folders: Sequence[str], single: Sequence[str], foreign: str = "") -> bytes:
    """What an index is good for: this code, this interpreter, these folders.

    `foreign` names what is looked for in them, if that is not lockgate's own plugins.
    """
    search = "\0".join([*folders, "", *single, *([foreign] if foreign else [])])
    return f"{_CODE}{search}".encode("utf-8", "surrogatepass")


def index_path(cache_dir: str, key: bytes) -> str:
    """The index file for `key`; two search paths never share one."""
    return f"{cache_dir}/discovery-{binascii.crc32(key):08x}.index"


def holds(index: form.Stored, search: Sequence[str]) -> bool:
    """Whether the folders of `search` hold the plugins, by name, that they held.

    Raises:
        ValueError: If the index is not one for these folders.
    """
    counts, names, marks = index.names_rest_on()
    following = iter(names)
    for folder, mark, count in zip(search, index.folder_marks(), counts, strict=True):
        if not count:
            if stamp(folder) != mark:
                return False
        elif not _files_hold(folder, mark, islice(following, count), marks):
            return False
    return True


def holds_within(index: form.Stored, search: Sequence[str]) -> bool:
    """Whether also each plugin's files are as they were, so that its state is.

    Raises:
        ValueError: If the index is not one for the folders of `search`, or was
            replaced since it was read.
    """
    counts, names, marks = index.states_rest_on()
    following = iter(names)
    folders = zip(search, index.folder_marks(), counts, strict=True)
    return all(
        _files_hold(folder, mark, islice(following, count), marks)
        for folder, mark, count in folders
        if count
    )


def _files_hold(
    folder: str,
    mark: tuple[int, ...],
    names: Iterator[bytes],
    marks: Iterator[tuple[int, ...]],
) -> bool:
    """Whether `folder` and the files that are named relative to it are unchanged.

    Looking from the folder's own descriptor spares the kernel the long way down
    to it for each file; a name with a leading slash is not relative to it.
    """
    try:
        handle = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    look = os.stat
    try:
        now = os.fstat(handle)
        if (now.st_mtime_ns, now.st_size, now.st_ino) != mark:
            return False
        for name, was in zip(names, marks, strict=False):
            try:
                now = look(name, dir_fd=handle)
            except (OSError, ValueError):
                if was != ABSENT:
                    return False
            else:
                if (now.st_mtime_ns, now.st_size, now.st_ino) != was:
                    return False
    finally:
        os.close(handle)
    return True


def fresh(files: Iterable[str], started_ns: int) -> form.Depends:
    """The stamps of files that were read since `started_ns`."""
    return {path: stamp_fresh(path, started_ns) for path in files}


def unchanged(on: Mapping[str, Stamp]) -> bool:
    """Whether each file still has its stamp."""
    return all(stamp(path) == mark for path, mark in on.items())


def load(path: str, key: bytes) -> form.Stored | str:
    """The index for `key` in the file `path`, or why there is none to believe."""
    first = _trusted_bytes(path, whole=False)
    if isinstance(first, str):
        return first
    try:
        return form.Stored(first, key, partial(_whole, path))
    except DAMAGE as error:
        return f"is damaged ({type(error).__name__})"


def _whole(path: str) -> bytes:
    raw = _trusted_bytes(path, whole=True)
    if isinstance(raw, str):
        raise ValueError(raw)
    return raw


def _trusted_bytes(path: str, *, whole: bool) -> bytes | str:
    try:
        handle = os.open(path, _READ)
    except FileNotFoundError:
        return "does not exist yet"
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _INDEX_LIMIT_BYTES:
            return "is no file of lockgate's"
        if status.st_uid != os.geteuid() or status.st_mode & _FOREIGN_WRITE:
            return "could have been written by somebody else"
        # One call reads a regular file whole; if it ever did not, the CRC tells.
        if whole:
            return os.read(handle, status.st_size)
        raw = os.read(handle, _FIRST_READ_BYTES)
        length = min(form.first_length(raw), status.st_size)
        if length > len(raw):
            return raw + os.read(handle, length - len(raw))
        return raw[:length]
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(handle)


def save(path: str, raw: bytes) -> str:
    """Store `raw`, whole or not at all; returns why it could not be stored.

    A cache that cannot be written only costs time, so that is no error.
    """
    aside = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(aside, flags, 0o600)
        try:
            _write_all(handle, raw)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(aside, path)  # noqa: PTH105
        _sweep(os.path.dirname(path), time.time() - _LEFT_SECONDS)  # noqa: PTH120
    except OSError as error:
        _remove(aside)
        return f"cannot be written: {error.strerror}"
    return ""


def _sweep(folder: str, before: float) -> None:
    """Remove what writers that were killed have left aside since."""
    for name in os.listdir(folder):  # noqa: PTH208
        if name.endswith(".new"):
            left = f"{folder}/{name}"
            with suppress(OSError):  # another sweeps, too; what can't go can stay
                if os.lstat(left).st_mtime < before:
                    os.unlink(left)  # noqa: PTH108


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return


def trouble(path: str) -> str:
    """Why the index file at `path` is not to be believed, or ``""``."""
    raw = _trusted_bytes(path, whole=True)
    if isinstance(raw, str):
        return raw
    return "" if form.checksum_holds(raw) else "is damaged"


def stored(cache_dir: str) -> Iterable[str]:
    """The index files in `cache_dir`."""
    try:
        names = sorted(os.listdir(cache_dir))  # noqa: PTH208
    except OSError:
        return []
    return [f"{cache_dir}/{n}" for n in names if n.startswith("discovery-")]

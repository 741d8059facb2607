"""The index: what discovery found last time, in one file of the user's cache.

The file (`lockgate.discovery._index_format`) is believed if it is a regular file
that the user owns and nobody else can write, its CRC is right, it was made by
this code for this search path, and every stamp in it still holds. In every other
case it is made anew: an index can be stale, cut off, foreign or hostile, and
discovery still tells the truth.
"""

from __future__ import annotations

import binascii
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lockgate.discovery import _index_format as form
from lockgate.discovery._files import ABSENT, Stamp, stamp, stamp_fresh
from lockgate.discovery._scan import Memo
from lockgate.discovery._state import PluginState
from lockgate.hookspecs import HOOK_API_VERSION

__all__ = ["Depends", "Index", "full_key", "index_path", "load", "save", "stored"]

_INDEX_LIMIT_BYTES = 64 * 1024 * 1024
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH

Depends = dict[str, Stamp]
"""The files that a candidate depends on, and the stamps they had."""


@dataclass(slots=True)
class Index:
    """What one discovery found, before the configuration is applied.

    `files` are those that the candidates depend on, `counts[location]` of them
    for each location in turn; `marks` are the three columns of their stamps.
    `memo_line` is JSON until it is needed.
    """

    key: list[str]
    folders: dict[str, Stamp] = field(default_factory=dict[str, Stamp])
    states: list[PluginState] = field(default_factory=list[PluginState])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    files: list[str] = field(default_factory=list[str])
    marks: list[list[int]] = field(default_factory=lambda: [[], [], []])
    memo_line: bytes = b"{}"

    def add(self, states: Sequence[PluginState], location: str, on: Depends) -> None:
        """Take in the candidates at `location`, which depend on the files of `on`."""
        self.states += states
        self.counts[location] = len(on)
        self.files += on
        for column, position in zip(self.marks, range(3), strict=True):
            column += [mark[position] for mark in on.values()]

    def depends(self) -> dict[str, Depends]:
        """For each location, what its candidates depend on."""
        pairs = zip(self.files, zip(*self.marks, strict=True), strict=True)
        return {
            location: dict(next(pairs) for _ in range(count))
            for location, count in self.counts.items()
        }

    def memos(self) -> dict[str, Memo]:
        """For each folder, its distributions without plugins."""
        memos: dict[str, Memo] = json.loads(self.memo_line)
        return memos

    def holds(self) -> bool:
        """Whether every folder and file still has the stamp it had."""
        folders = self.folders
        if not folders or any(stamp(path) != folders[path] for path in folders):
            return False
        look = os.stat
        for path, mtime, size, inode in zip(self.files, *self.marks, strict=True):
            try:
                now = look(path)
            except (OSError, ValueError):
                if (mtime, size, inode) != ABSENT:
                    return False
            else:
                if (
                    now.st_mtime_ns != mtime
                    or now.st_size != size
                    or now.st_ino != inode
                ):
                    return False
        return True


def fresh(files: Iterable[str], started_ns: int) -> Depends:
    """The stamps of files that were read since `started_ns`."""
    return {path: stamp_fresh(path, started_ns) for path in files}


def unchanged(on: Mapping[str, Stamp]) -> bool:
    """Whether each file still has its stamp."""
    return all(stamp(path) == mark for path, mark in on.items())


def index_path(cache_dir: str, key: Sequence[str]) -> str:
    """The index file for `key`; two search paths never share one."""
    name = binascii.crc32("\0".join(key).encode("utf-8", "surrogateescape"))
    return f"{cache_dir}/discovery-{name:08x}.json"


def full_key(search: Sequence[str]) -> list[str]:
    """What an index is good for: this code, this interpreter, these folders."""
    from sys import implementation

    return [str(form.FORMAT), HOOK_API_VERSION, str(implementation.cache_tag), *search]


def load(cache_dir: str, search: Sequence[str]) -> Index | str:
    """The stored index for `search`, or why there is none to believe."""
    key = full_key(search)
    raw = _trusted_bytes(index_path(cache_dir, key))
    if isinstance(raw, str):
        return raw
    try:
        return Index(key, *form.decode(raw, key))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        return f"is damaged ({type(error).__name__})"


def _trusted_bytes(path: str) -> bytes | str:
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(path, flags)
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
        with os.fdopen(os.dup(handle), "rb", buffering=0) as file:
            return file.readall()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(handle)


def save(cache_dir: str, index: Index) -> str:
    """Store `index`, whole or not at all; returns why it could not be stored.

    A cache that cannot be written only costs time, so that is no error.
    """
    path = index_path(cache_dir, index.key)
    aside = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(cache_dir, mode=0o700, exist_ok=True)  # noqa: PTH103
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(aside, flags, 0o600)
        try:
            _write_all(handle, _encoded(index))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(aside, path)  # noqa: PTH105
    except OSError as error:
        _remove(aside)
        return f"cannot be written: {error.strerror}"
    return ""


def _encoded(index: Index) -> bytes:
    parts = (
        index.folders,
        index.states,
        index.counts,
        index.files,
        index.marks,
        index.memo_line,
    )
    return form.encode(index.key, parts)


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
    raw = _trusted_bytes(path)
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

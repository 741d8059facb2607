"""The index: what discovery found last time, in one file of the user's cache.

Layout, one JSON value a line: a CRC-32 of all that follows; the header (what
the index was made for, the stamps of the searched folders, the candidates and
the stamps of every file they depend on); the memo of distributions without
plugins, only decoded when a folder changed; then one manifest a line, only
decoded when somebody asks for it.

The file is believed if it is a regular file that the user owns and nobody else
can write, its CRC is right, it was made by this code for this search path, and
every stamp in it still holds. In every other case it is made anew: an index can
be stale, cut off, foreign or hostile, and discovery still tells the truth.
"""

from __future__ import annotations

import binascii
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lockgate.discovery._files import ABSENT
from lockgate.discovery._scan import Memo
from lockgate.discovery._state import PluginState
from lockgate.hookspecs import HOOK_API_VERSION

__all__ = ["Index", "Watched", "index_path", "load", "save"]

_FORMAT = 2
_INDEX_LIMIT_BYTES = 64 * 1024 * 1024
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH

*_FIELDS, _LAST = PluginState.__dataclass_fields__
if _LAST != "manifest_text":
    raise AssertionError("the manifest is the last field: it has a line of its own")
_TUPLES = frozenset({"kinds", "path", "requires", "conflicts", "entries"})
_FLAGS = frozenset({"editable", "essential", "recorded"})
_TUPLE_POSITIONS = tuple(i for i, name in enumerate(_FIELDS) if name in _TUPLES)
_ENTRIES = _FIELDS.index("entries")
_ROW_TYPES = (
    *(list if n in _TUPLES else bool if n in _FLAGS else str for n in _FIELDS),
    int,
)

Watched: TypeAlias = "dict[str, tuple[int, int, int]]"
"""Files and the stamps they had."""


@dataclass(slots=True)
class Index:
    """What one discovery found, before the configuration is applied.

    `watched` maps a candidate's location to the files it depends on. `memos` is
    a line of JSON until it is needed.
    """

    key: list[str]
    folders: Watched
    states: list[PluginState]
    watched: dict[str, Watched]
    memo_line: bytes = b"{}"
    why_not: str = field(default="", compare=False)

    def memos(self) -> dict[str, Memo]:
        """For each folder, its distributions without plugins."""
        memos: dict[str, Memo] = json.loads(self.memo_line)
        return memos

    def holds(self) -> bool:
        """Whether every folder and file still has the stamp it had."""
        if not self.folders:
            return False
        parts = (self.folders, *self.watched.values())
        return all(_unchanged(part) for part in parts)

    def unchanged(self, location: str) -> bool:
        """Whether the candidate at `location` is known and untouched."""
        watched = self.watched.get(location)
        return watched is not None and _unchanged(watched)


def _unchanged(watched: Mapping[str, Sequence[int]]) -> bool:
    look = os.stat
    for path, (mtime, size, inode) in watched.items():
        try:
            now = look(path)
        except (OSError, ValueError):
            if (mtime, size, inode) != ABSENT:
                return False
        else:
            if now.st_mtime_ns != mtime or now.st_size != size or now.st_ino != inode:
                return False
    return True


def index_path(cache_dir: str, key: Sequence[str]) -> str:
    """The index file for `key`; two search paths never share one."""
    name = binascii.crc32("\0".join(key).encode("utf-8", "surrogateescape"))
    return f"{cache_dir}/discovery-{name:08x}.json"


def full_key(search: Sequence[str]) -> list[str]:
    """What an index is good for: this code, this interpreter, these folders."""
    from sys import implementation

    return [str(_FORMAT), HOOK_API_VERSION, str(implementation.cache_tag), *search]


def load(cache_dir: str, search: Sequence[str]) -> Index | str:
    """The stored index for `search`, or why there is none to believe."""
    key = full_key(search)
    raw = _trusted_bytes(index_path(cache_dir, key))
    if isinstance(raw, str):
        return raw
    try:
        return _decode(raw, key)
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


def _decode(raw: bytes, key: list[str]) -> Index:
    checksum, _, rest = raw.partition(b"\n")
    if int(checksum, 16) != binascii.crc32(rest):
        raise ValueError("checksum")
    header_line, memo_line, *manifests = rest.split(b"\n")
    header: dict[str, Any] = json.loads(header_line)
    if header["key"] != key:
        raise ValueError("key")
    rows: list[list[Any]] = header["states"]
    return Index(
        key,
        {path: (m, s, i) for path, (m, s, i) in header["folders"].items()},
        [_state(row, manifests) for row in rows],
        header["watched"],
        memo_line,
    )


def _state(row: list[Any], manifests: Sequence[bytes]) -> PluginState:
    # One comparison in C for all types: this runs for each plugin at each start.
    if tuple(map(type, row)) != _ROW_TYPES:
        raise TypeError("row")
    line: int = row.pop()
    for position in _TUPLE_POSITIONS:
        row[position] = tuple(row[position])
    if row[_ENTRIES]:
        row[_ENTRIES] = tuple((group, value) for group, value in row[_ENTRIES])
    row.append(manifests[line].decode("ascii") if line >= 0 else "")
    return PluginState(*row)


def _encode(index: Index) -> bytes:
    rows: list[list[Any]] = []
    manifests: list[bytes] = []
    for state in index.states:
        row: list[Any] = [getattr(state, name) for name in _FIELDS]
        row.append(len(manifests) if state.manifest_text else -1)
        if state.manifest_text:
            manifests.append(state.manifest_text.encode("ascii"))
        rows.append(row)
    header = {
        "key": index.key,
        "folders": index.folders,
        "states": rows,
        "watched": index.watched,
    }
    line = json.dumps(header, separators=(",", ":")).encode("ascii")
    rest = b"\n".join([line, index.memo_line, *manifests])
    return b"%08x\n" % binascii.crc32(rest) + rest


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
            _write_all(handle, _encode(index))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(aside, path)  # noqa: PTH105
    except OSError as error:
        _remove(aside)
        return f"cannot be written: {error.strerror}"
    return ""


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
    checksum, _, rest = raw.partition(b"\n")
    return "" if checksum == b"%08x" % binascii.crc32(rest) else "is damaged"


def stored(cache_dir: str) -> Iterable[str]:
    """The index files in `cache_dir`."""
    try:
        names = sorted(os.listdir(cache_dir))  # noqa: PTH208
    except OSError:
        return []
    return [f"{cache_dir}/{n}" for n in names if n.startswith("discovery-")]

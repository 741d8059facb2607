"""The files of a tree, one after the other, read within bounds and without links."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.source.limits import ScanLimits

__all__ = ["Left", "Source", "sources_of"]

_SUFFIXES = (".py", ".pyw", ".pth", ".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll")
_SKIPPED = frozenset({".git", ".hg", ".svn"})
_CACHED = re.compile(r".+\..+\.pyc", re.DOTALL)
"""``name.TAG.pyc`` (PEP 3147), which no import takes for a module of its own."""
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_HEAD_BYTES = 128
_CHUNK_BYTES = 64 << 10


class Source(NamedTuple):
    """A file that was read; at most one byte more than the bound."""

    path: str
    data: bytes


class Left(NamedTuple):
    """A file or folder that was left out, and why."""

    path: str
    reason: str


def sources_of(
    tree: str | os.PathLike[str] | Mapping[str, bytes], limits: ScanLimits
) -> Iterator[Source | Left]:
    """What is to be scanned of `tree`.

    Raises:
        PolicyError: If it does not exist or can't be read at all.
    """
    found = (
        _mapping(tree) if isinstance(tree, Mapping) else _walk(os.fspath(tree), limits)
    )
    count = size = 0
    for item in found:
        if isinstance(item, Source):
            count, size = count + 1, size + len(item.data)
        if count > limits.files or size > limits.total_bytes:
            said = f"more than {limits.files:,} files or {limits.total_bytes:,} bytes"
            yield Left(item.path, f"{said}: this file and those after it are unread")
            return
        yield item


def _mapping(tree: Mapping[str, bytes]) -> Iterator[Source | Left]:
    for path in sorted(tree):
        name = path.replace("\\", "/").rpartition("/")[2]
        if name.lower().endswith(_SUFFIXES) or _is_script(name, tree[path]):
            yield Source(path, tree[path])


def _is_script(name: str, data: bytes) -> bool:
    first = data[:_HEAD_BYTES].partition(b"\n")[0]
    return "." not in name and first.startswith(b"#!") and b"python" in first


def _walk(root: str, limits: ScanLimits) -> Iterator[Source | Left]:
    try:
        is_folder = stat.S_ISDIR(os.stat(root).st_mode)  # noqa: PTH116
        if not is_folder:
            yield _read(root, root, limits, links=True)
            return
        pending = [(root, "", 0)]
        os.scandir(root).close()
    except OSError as error:
        hint = "check the path"
        raise PolicyError(f"{root}: {error.strerror}", hint=hint) from error
    while pending:
        folder, below, depth = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Left(below or ".", f"can't be listed: {error.strerror}")
            continue
        is_cache = below.rpartition("/")[2] == "__pycache__"
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name in _SKIPPED:
                    continue
                if depth >= limits.depth:
                    yield Left(path, f"more than {limits.depth} folders deep")
                else:
                    pending.append((entry.path, path, depth + 1))
            elif not (is_cache and _CACHED.fullmatch(entry.name)):
                yield from _entry(entry, path, limits)


def _entry(
    entry: os.DirEntry[str], path: str, limits: ScanLimits
) -> Iterator[Source | Left]:
    named = entry.name.lower().endswith(_SUFFIXES)
    if entry.is_symlink():
        if named or entry.is_dir():
            yield Left(path, "a link: what it leads to is not looked at")
    elif named:
        yield _read(entry.path, path, limits)
    elif "." not in entry.name and entry.is_file(follow_symlinks=False):
        item = _read(entry.path, path, limits, head=True)
        if isinstance(item, Source) and _is_script(entry.name, item.data):
            yield _read(entry.path, path, limits)


def _read(
    file: str, path: str, limits: ScanLimits, *, head: bool = False, links: bool = False
) -> Source | Left:
    try:
        # Not a blocking open: a named pipe would wait for its writer.
        fd = os.open(file, _FLAGS & ~os.O_NOFOLLOW if links else _FLAGS)
    except OSError as error:
        return Left(path, f"can't be read: {error.strerror}")
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return Left(path, "no regular file")
        want = _HEAD_BYTES if head else limits.file_bytes + 1
        data = os.read(fd, min(want, status.st_size + 1))
        # It may have grown, or be of a kind whose size is only known when it is read.
        while data and (more := os.read(fd, min(want - len(data), _CHUNK_BYTES))):
            data += more
        return Source(path, data)
    except OSError as error:
        return Left(path, f"can't be read: {error.strerror}")
    finally:
        os.close(fd)

"""The identity of a plugin, which its owner's grants are tied to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Protocol

from lockgate._text.files import UnreadableError, read_bounded
from lockgate.discovery._locate import RECORD_LIMIT_BYTES
from lockgate.errors import PluginUnavailableError

__all__ = ["digest_of"]

_FILE_LIMIT_BYTES = 64 * 1024 * 1024
_FILES_MAXIMUM = 20_000
_FOLDERS_MAXIMUM = 20_000
"""By all their names: a dozen that lead to each other have a thousand million."""
_BYTE_CODE = re.compile(r".+\..+\.pyc(\.\d+)?", re.DOTALL)
"""``name.TAG.pyc`` (PEP 3147), also while it is written: no module's name has a dot."""


class Hashable(Protocol):
    """What of a plugin's state its identity is made of."""

    @property
    def name(self) -> str: ...
    @property
    def location(self) -> str: ...
    @property
    def manifest_path(self) -> str: ...
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def entries(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def recorded(self) -> bool: ...
    @property
    def stored(self) -> bool: ...
    @property
    def environment(self) -> tuple[str, ...]: ...


def digest_of(state: Hashable) -> str:
    """SHA-256 of the plugin's RECORD, or of its files if none vouches for them.

    Of a plugin of the store also of the wheels that it brings: rights are agreed to
    for all of the code that runs with them.

    Raises:
        PluginUnavailableError: If what is to be hashed cannot be read.
    """
    if not state.recorded:
        return _digest_of_files(state)
    try:
        record = read_bounded(f"{state.location}/RECORD", RECORD_LIMIT_BYTES)
    except UnreadableError as error:
        raise PluginUnavailableError(
            state.name, state="broken", reason=f"its RECORD {error}"
        ) from None
    hashed = sha256(record)
    if state.stored:  # its folders are named by the hashes of the wheels in them
        for folder in state.environment:
            hashed.update(f"\0{folder.split('/')[-2]}".encode())
    return hashed.hexdigest()


def _digest_of_files(state: Hashable) -> str:
    """SHA-256 over name, length and bytes of each file of the plugin's package.

    Byte code in ``__pycache__`` is left out: the interpreter makes it anew, and a
    worker does not believe it (`_guest.from_source`). Elsewhere it is imported, and
    so is what lies in a ``__pycache__`` by another name (``a.__pycache__.b``).

    Raises:
        PluginUnavailableError: If a file cannot be read or there are too many.
    """
    hashed = sha256(b"lockgate files 1\0")
    try:
        for count, path in enumerate(_files(state)):
            if count >= _FILES_MAXIMUM:
                raise UnreadableError(f"has more than {_FILES_MAXIMUM} files")
            content = read_bounded(path, _FILE_LIMIT_BYTES)
            name = os.fsencode(path)
            hashed.update(b"%d %d\0%s\0" % (len(name), len(content), name))
            hashed.update(content)
    except UnreadableError as error:
        raise PluginUnavailableError(
            state.name, state="broken", reason=f"a file of its package {error}"
        ) from None
    return hashed.hexdigest()


def _files(state: Hashable) -> Iterator[str]:
    """The files that make the plugin, in a fixed order."""
    if state.manifest_path:
        yield from _walk(os.path.dirname(state.manifest_path))  # noqa: PTH120
        return
    for group, value in state.entries:
        if group == "file":
            yield value
            continue
        package = value.partition(":")[0].partition(".")[0].strip()
        for root in state.path:
            yield from _walk(f"{root}/{package}")
            if os.path.isfile(f"{root}/{package}.py"):  # noqa: PTH113
                yield f"{root}/{package}.py"


def _walk(folder: str) -> Iterator[str]:
    """The files below `folder`, links to folders followed, but not back up.

    A folder that several names lead to is there by each: all of them can be imported.

    Raises:
        UnreadableError: If there are too many folders.
    """
    waiting: list[tuple[str, frozenset[str]]] = [(folder, frozenset())]
    left = _FOLDERS_MAXIMUM
    while waiting:
        left -= 1
        if left < 0:
            raise UnreadableError(f"is below more than {_FOLDERS_MAXIMUM} folders")
        parent, above = waiting.pop()
        real = os.path.realpath(parent)
        if real in above:
            continue
        folders, files = _listed(parent)
        for name in sorted(files):
            yield f"{parent}/{name}"
        below = above | {real}
        waiting += [(f"{parent}/{one}", below) for one in sorted(folders, reverse=True)]


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The folders in `folder`, and what else is there; nothing if it can't be read."""
    folders, files = list[str](), list[str]()
    is_cache = folder.endswith("/__pycache__")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                folders.append(entry.name)
            elif not (is_cache and _BYTE_CODE.fullmatch(entry.name)):
                files.append(entry.name)
    return folders, files

"""Which file of a site a request's path names, opened so that none leads out of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from lockgate_marketplace.site.regular import regular

__all__ = ["Opened", "open_below", "parts_of"]

_PATH_PARTS = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file of the site."""

    file: BinaryIO
    name: str
    status: os.stat_result

    @property
    def etag(self) -> str:
        """Strong: a build replaces files, it never writes to one."""
        found = self.status
        return f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"'


def parts_of(raw: str) -> list[str] | None:
    """The parts of a request's path; None for one that no file of ours has."""
    try:
        parts = [unquote(part, errors="strict") for part in raw.split("/") if part]
    except UnicodeDecodeError:
        return None
    if len(parts) > _PATH_PARTS:
        return None
    for part in parts:
        if part in (".", "..") or "/" in part or "\\" in part or part.startswith("."):
            return None
        if any(ord(char) < 32 or ord(char) == 127 for char in part):
            return None
    return parts


def open_below(site: Path, parts: list[str], *, json: bool) -> Opened | None:
    """The regular file that the parts name, or its folder's index."""
    folder = os.open(site, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for at, part in enumerate(parts):
            last = at == len(parts) - 1
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            opened = os.open(part, flags, dir_fd=folder)
            if stat.S_ISDIR(os.fstat(opened).st_mode):
                os.close(folder)
                folder = opened
            elif last:
                return _opened(opened, part)
            else:
                os.close(opened)
                return None
        for name in ("index.json",) * json + ("index.html",):
            found = _named(name, folder)
            if found is not None:
                return found
    except (OSError, ValueError):
        return None
    finally:
        os.close(folder)
    return None


def _named(name: str, folder: int) -> Opened | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return _opened(os.open(name, flags, dir_fd=folder), name)
    except OSError:
        return None


def _opened(descriptor: int, name: str) -> Opened:
    file = BufferedReader(regular(descriptor, name))
    return Opened(file, name, os.fstat(file.fileno()))

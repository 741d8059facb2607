"""A plugin's files that outlast its workers: kept by the host, below the data folder.

``DATA/plugins/NAME/DISTRIBUTION/``: another distribution that takes the name over
finds nothing there, another version of the same one finds everything. The worker never
has the folder itself. The host reads and writes each file whole, so no link can be made
in it, the quota is exact for all hosts together, and a file is what it was before or
after.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from lockgate._data import files as _data_files
from lockgate._data.files import (
    ASIDE,
    FOLDER,
    DataFile,
    DataFullError,
    DataRefusedError,
)
from lockgate._record.quarantine import file_name
from lockgate.values import check_path

__all__ = ["DataFolder", "data_place", "folders_kept"]

DEPTH = 16
"""A path has so many parts at most."""

WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.01
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


def data_place(data_dir: str, plugin: str, distribution: str) -> Path:
    """Where the files of a plugin that `distribution` brought are."""
    normal = re.sub(r"[-_.]+", "-", distribution).lower()
    return _plugins(data_dir) / file_name(plugin) / file_name(normal)


def _plugins(data_dir: str) -> Path:
    return Path(data_dir, "plugins")


def folders_kept(data_dir: str) -> tuple[tuple[str, str, DataFolder], ...]:
    """Plugin, distribution and folder of everything that is kept, by name."""
    found = sorted(place for place in _plugins(data_dir).glob("*/*") if place.is_dir())
    return tuple((p.parent.name, p.name, DataFolder(p)) for p in found)


class DataFolder:
    """The files of one plugin, at most so many bytes and so many files and folders.

    The first write makes the folder. Any thread, and any host, may use it: who changes
    something takes its lock. Without limits it is for its owner to look at and clear.
    """

    def __init__(
        self, place: Path, *, bytes_limit: int = 0, inodes_limit: int = 0
    ) -> None:
        self.place = place
        self._bytes_limit = bytes_limit
        self._inodes_limit = inodes_limit

    def read(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: If there is none.
            DataRefusedError: If something else is there.
            ValueError: If `path` is no relative path of plain parts.
        """
        parts = _parts(path)
        with self._opened() as root:
            if root is None:
                raise FileNotFoundError(errno.ENOENT, "nothing is kept", path)
            return _data_files.read(root, parts)

    def write(self, path: str, content: bytes) -> None:
        """Put a file in the place of what was there, whole.

        Raises:
            DataFullError: If it does not fit. Nothing has changed then.
            DataRefusedError: If something else than a file is there.
            ValueError: If `path` is no relative path of plain parts.
        """
        parts = _parts(path)
        with self._changing() as root:
            self._check_room(root, parts, len(content))
            _data_files.replace(root, parts, content)

    def delete(self, path: str) -> None:
        """Remove a file, and the folders that are empty then.

        Raises:
            FileNotFoundError: If there is none.
            DataRefusedError: If something else is there.
            ValueError: If `path` is no relative path of plain parts.
        """
        parts = _parts(path)
        with self._changing() as root:
            _data_files.delete(root, parts)

    def files(self) -> tuple[DataFile, ...]:
        """Every file, by path."""
        with self._opened() as root:
            found = () if root is None else tuple(_data_files.files(root))
        return tuple(sorted(found, key=lambda file: file.path))

    def paths(self) -> tuple[str, ...]:
        """The path of every file, sorted."""
        return tuple(file.path for file in self.files())

    def used(self) -> tuple[int, int]:
        """Bytes in whole blocks, and files and folders, that are taken now."""
        with self._opened() as root:
            return (0, 0) if root is None else _data_files.measured(root)

    def clear(self) -> int:
        """Remove everything; how many files that were."""
        with self._opened() as root:
            if root is None:
                return 0
        with self._changing() as root:
            count = sum(1 for _ in _data_files.files(root))
            shutil.rmtree(self.place)
        with suppress(OSError):  # another distribution's are there too
            self.place.parent.rmdir()
        return count

    def _check_room(self, root: int, parts: list[str], size: int) -> None:
        used, inodes = _data_files.measured(root, tidy=True)
        there, before = _data_files.on_the_way(root, parts)
        used += _data_files.blocks(size) - _data_files.blocks(before)
        inodes += len(parts) - there
        if used > self._bytes_limit:
            message = f"it would hold {used} bytes, {self._bytes_limit} may be kept"
            raise DataFullError(errno.ENOSPC, message)
        if inodes > self._inodes_limit:
            message = f"it would hold {inodes} files, {self._inodes_limit} may be kept"
            raise DataFullError(errno.EDQUOT, message)

    # -- the folder itself -----------------------------------------------------------

    @contextmanager
    def _opened(self) -> Generator[int | None]:
        """The folder, open; None if it was not made yet.

        Raises:
            DataRefusedError: If it is no folder of ours, or another user's.
        """
        home = self.place.parents[2]
        fd = -1
        try:
            try:
                # Where the data folder itself leads to is its owner's choice.
                fd = os.open(home, FOLDER & ~os.O_NOFOLLOW)
                _check_owned(fd, home)
                for part in self.place.relative_to(home).parts:
                    above, fd = fd, os.open(part, FOLDER, dir_fd=fd)
                    os.close(above)
                    _check_owned(fd, self.place)
            except FileNotFoundError:
                yield None
                return
            except DataRefusedError:
                raise
            except OSError as error:
                raise _refused(self.place, str(error.strerror)) from None
            yield fd
        finally:
            if fd >= 0:
                os.close(fd)

    @contextmanager
    def _changing(self) -> Generator[int]:
        """The folder, made if need be, and nobody else changes it meanwhile."""
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            for folder in (*reversed(self.place.parents[:3]), self.place):
                with suppress(FileExistsError):
                    folder.mkdir(mode=0o700, parents=True)
            with self._opened() as root:
                # Who cleared it meanwhile has removed what we would wait for.
                if root is not None and _locked(root) and os.fstat(root).st_nlink:
                    yield root
                    return
            time.sleep(_PAUSE_SECONDS)
        raise _refused(self.place, "another host goes on changing it")


def _locked(root: int) -> bool:
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parts(path: str) -> list[str]:
    parts = check_path(path).split("/")
    if len(parts) > DEPTH or ASIDE in parts:
        message = f"a path has {DEPTH} parts at most, and none is {ASIDE!r}: {path!r}"
        raise ValueError(message)
    return parts


def _check_owned(fd: int, place: Path) -> None:
    found = os.fstat(fd)
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & _FOREIGN_WRITE:
        raise _refused(place, "another user could write there")


def _refused(place: Path, why: str) -> DataRefusedError:
    return DataRefusedError(f"{place} can't be used: {why}")

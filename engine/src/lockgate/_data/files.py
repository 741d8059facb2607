"""Files below an open folder, reached part by part: no link is ever followed.

The folder is the host's own and only the host writes there. All the same nothing is
taken for granted: a link, a pipe or a hard link that somebody put there is refused.
"""

# Everything is relative to open folders, which pathlib can't do.

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

__all__ = [
    "ASIDE",
    "FOLDER",
    "DataFile",
    "DataFullError",
    "DataRefusedError",
    "blocks",
    "delete",
    "files",
    "measured",
    "on_the_way",
    "read",
    "replace",
]

BLOCK_BYTES = 4096
"""A file takes whole blocks of the quota, as it does of a disk."""

ASIDE = ".lockgate-new"
"""What is being written is called so until it is whole."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DataFullError(OSError):
    """What is to be kept does not fit any more."""

    code = "data-full"
    hint = "Delete what is old; its owner sees it by `lockgate data show NAME`."


class DataRefusedError(OSError):
    """The folder, or something in it, is not as the host makes it."""

    code = "data-refused"
    hint = "Its owner can look at it by `lockgate data show NAME`."


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file: its path below the folder, its size, when it was written (Unix)."""

    path: str
    size: int
    at: float


def blocks(size: int) -> int:
    """What a file of `size` bytes takes of the quota."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def read(root: int, parts: Sequence[str]) -> bytes:
    """The content of the file at `parts`.

    Raises:
        FileNotFoundError: If there is none.
        DataRefusedError: If something else is there.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with (
        _below(root, parts) as folder,
        _told(parts),
        os.fdopen(os.open(parts[-1], flags, dir_fd=folder), "rb") as file,
    ):
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise _refused(parts, "it is no file that was written here")
        return file.read()


def replace(root: int, parts: Sequence[str], content: bytes) -> None:
    """Write a file whole; the folders on the way are made.

    Raises:
        DataRefusedError: If something else than a file is there.
        OSError: If the disk is full. What was there is there still.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _below(root, parts, make=True) as folder, _told(parts):
        _remove(ASIDE, folder)
        try:
            with os.fdopen(os.open(ASIDE, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(ASIDE, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            _remove(ASIDE, folder)
            raise
        os.fsync(folder)


def delete(root: int, parts: Sequence[str]) -> None:
    """Remove a file, and the folders that are empty then.

    Raises:
        FileNotFoundError: If there is none.
        DataRefusedError: If something else is there.
    """
    with _below(root, parts) as folder, _told(parts):
        os.unlink(parts[-1], dir_fd=folder)
    above = list(parts[:-1])
    with suppress(OSError):  # one of them is not empty
        while above:
            os.rmdir("/".join(above), dir_fd=root)
            above.pop()


def files(root: int) -> Iterator[DataFile]:
    """Every file below the folder."""
    for folder, name, found in _entries(root):
        if stat.S_ISREG(found.st_mode) and name != ASIDE:
            path = f"{folder}/{name}".removeprefix("./")
            yield DataFile(path, found.st_size, found.st_mtime)


def measured(root: int, *, tidy: bool = False) -> tuple[int, int]:
    """Bytes in whole blocks, and how many files and folders there are.

    `tidy`, for who has the lock: what a host that died left half written is removed.
    """
    used = inodes = 0
    for folder, name, found in _entries(root):
        if tidy and name == ASIDE:
            _remove(f"{folder}/{name}", root)
            continue
        inodes += 1
        if not stat.S_ISDIR(found.st_mode):
            used += blocks(found.st_size)
    return used, inodes


def on_the_way(root: int, parts: Sequence[str]) -> tuple[int, int]:
    """How many of `parts` are there already, and the size of the file at the end."""
    for count in range(len(parts)):
        path = "/".join(parts[: count + 1])
        try:
            found = os.stat(path, dir_fd=root, follow_symlinks=False)
        except OSError:
            return count, 0
        if count + 1 == len(parts):
            return len(parts), found.st_size
    return 0, 0


def _entries(root: int) -> Iterator[tuple[str, str, os.stat_result]]:
    for folder, folders, names, fd in os.fwalk(".", dir_fd=root, follow_symlinks=False):
        for name in (*folders, *names):
            with suppress(FileNotFoundError):  # another host has just removed it
                yield folder, name, os.stat(name, dir_fd=fd, follow_symlinks=False)


def _remove(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@contextmanager
def _below(root: int, parts: Sequence[str], *, make: bool = False) -> Generator[int]:
    """The folder of the file at `parts`, open."""
    fd = os.dup(root)
    try:
        with _told(parts):
            for part in parts[:-1]:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=fd)
                above, fd = fd, os.open(part, FOLDER, dir_fd=fd)
                os.close(above)
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _told(parts: Sequence[str]) -> Generator[None]:
    """Errors of the system in words about the plugin's own path."""
    try:
        yield
    except FileNotFoundError:
        path = "/".join(parts)
        raise FileNotFoundError(errno.ENOENT, "nothing is kept", path) from None
    except (IsADirectoryError, NotADirectoryError) as error:
        raise _refused(parts, str(error.strerror)) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO):
            raise _refused(parts, str(error.strerror)) from None
        raise


def _refused(parts: Sequence[str], why: str) -> DataRefusedError:
    return DataRefusedError(f"{'/'.join(parts)!r} can't be used: {why}")

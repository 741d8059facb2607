"""Folders that outlast a crash, and that nobody changes by mistake.

Nothing is synced while it is written. When all of a tree is there, one syncfs(2) takes
it to the disk: one wait and one entry of the journal, where a sync after each file
would wait for the disk as often as there are files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lockgate.owned import sync_folder
from lockgate_marketplace.errors import StoreError

__all__ = ["discard", "place", "seal", "write_file", "writing"]

FOLDER_MODE = 0o555
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def writing(where: Path) -> Generator[None]:
    """Whatever the disk refuses below `where` is a `StoreError`.

    Raises:
        StoreError: With the code ``store-unwritable``.
    """
    try:
        yield
    except OSError as error:
        place = str(error.filename or where)
        message = f"it can't be written: {error.strerror or error}"
        raise StoreError("store-unwritable", message, where=place) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file into a folder that is not in its place yet; `seal` syncs it."""
    descriptor = os.open(path, _NEW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        os.fchmod(descriptor, 0o444)


def seal(folder: Path) -> None:
    """Make every file and folder below `folder` durable, and the folders read-only.

    The folder itself stays writable to its owner: it can still be renamed.
    """
    for parent, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            os.chmod(f"{parent}/{name}", FOLDER_MODE)  # noqa: PTH101
    descriptor = os.open(folder, _READ | os.O_DIRECTORY)
    try:
        _sync_all(descriptor)
    finally:
        os.close(descriptor)


def _sync_all(descriptor: int) -> None:
    """Have the file system that `descriptor` is on write everything that it has.

    It tells of data that could not be written (Linux 5.8, syncfs(2)).
    """
    while _LIBC.syncfs(descriptor):
        code = ctypes.get_errno()
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))


def place(made: Path, target: Path) -> bool:
    """Put the folder `made` in the place of `target` by one rename, for good.

    False if another was quicker; then `made` is still where it was.
    """
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        return False
    target.chmod(FOLDER_MODE)
    sync_folder(target.parent)
    return True


def discard(folder: Path) -> None:
    """Remove a folder and all that is in it, read-only or not; links unfollowed."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        folder.unlink()
        return
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o700)  # noqa: PTH101 - from above: each is listed after
    shutil.rmtree(folder)

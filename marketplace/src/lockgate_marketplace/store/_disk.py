"""Folders that outlast a crash, and that nobody changes by mistake.

Nothing is synced while it is written: a first pass writes all of a tree, a second one
syncs it. The journal of a usual file system then takes all of it at once, where a
sync after each file would wait for the disk as often.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lockgate.owned import sync_folder
from lockgate_marketplace.errors import StoreError

__all__ = ["discard", "place", "seal", "writing"]

FOLDER_MODE = 0o555
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


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


def seal(folder: Path) -> None:
    """Sync every file and folder below `folder`, which then is read-only.

    The folder itself stays writable to its owner: it can still be renamed.
    """
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _sync(f"{parent}/{name}")
        for name in folders:
            os.chmod(f"{parent}/{name}", FOLDER_MODE)  # noqa: PTH101
            _sync(f"{parent}/{name}")
    sync_folder(folder)


def _sync(path: str) -> None:
    descriptor = os.open(path, _READ)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

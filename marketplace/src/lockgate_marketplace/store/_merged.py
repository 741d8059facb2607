"""The files of several wheels in one folder, for those that need it.

They are copies of their own (shared blocks where the file system can: ``FICLONE``,
ioctl_ficlone(2)), never hard links: what a link's file is, every name of it is.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from lockgate_marketplace.store._disk import discard, place, seal, write_file, writing
from lockgate_marketplace.store._environment import merged_key
from lockgate_marketplace.store._record import StoredFile, StoredWheel
from lockgate_marketplace.store._wheels import fresh_folder, lacks

__all__ = ["MERGED", "add_merged", "merged_looks_whole"]

MERGED = "merged.json"
"""Names the wheels whose files lie there; of what they are, their records tell."""

_FICLONE = 0x40049409
_NO_CLONE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM)
_PIECE_BYTES = 1 << 30


def add_merged(wheels: Sequence[StoredWheel], merged: Path, staging: Path) -> str:
    """Make the folder with all files of `wheels`; give its name below `merged`.

    They were seen to go together (`check_together`). One that is there and looks whole
    is left alone; one that does not is replaced.

    Raises:
        StoreError: ``store-unwritable`` if the disk refuses; nothing is left of it.
    """
    key = merged_key(wheels)
    target = merged / key
    if merged_looks_whole(wheels, target):
        return key
    made = fresh_folder(staging)
    with writing(target):
        try:
            made.mkdir(mode=0o700)
            for wheel in wheels:
                for file in wheel.files:
                    _copy(wheel, file, made)
            names = {"schema": 1, "wheels": [wheel.sha256 for wheel in wheels]}
            write_file(made / MERGED, json.dumps(names).encode())
            seal(made)
            made.chmod(0o755)
            while not place(made, target):
                if merged_looks_whole(wheels, target):
                    break
                os.chmod(target, 0o700)  # noqa: PTH101 - a folder is moved by its owner
                target.rename(fresh_folder(staging))
        finally:
            discard(made)
    return key


def merged_looks_whole(wheels: Sequence[StoredWheel], folder: Path) -> bool:
    """Whether `folder` has the files of `wheels`, and a look at them finds nothing."""
    files: dict[str, StoredFile] = {}
    for wheel in wheels:
        for file in wheel.files:
            files.setdefault(file.path, file)
    view = StoredWheel(folder.name, "", "", "", folder, tuple(files.values()))
    return (folder / MERGED).is_file() and not any(True for _ in lacks(view))


def _copy(wheel: StoredWheel, file: StoredFile, made: Path) -> None:
    target = made / file.path
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if target.exists():
        return  # the same ``__init__.py`` of another part of the namespace
    source = os.open(wheel.folder / file.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        copy = os.open(target, flags, 0o600)
        try:
            if not _cloned(source, copy):
                _copied(source, copy)
            os.fchmod(copy, file.mode)
        finally:
            os.close(copy)
    finally:
        os.close(source)


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _NO_CLONE:
            return False
        raise
    return True


def _copied(source: int, target: int) -> None:
    while os.copy_file_range(source, target, _PIECE_BYTES):
        pass

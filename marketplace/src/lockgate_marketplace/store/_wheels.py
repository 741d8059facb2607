"""One wheel of the store: whole, durable and read-only, or not there."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._disk import discard, place, seal, write_file, writing
from lockgate_marketplace.store._record import (
    RECORD,
    StoredFile,
    StoredWheel,
    read_record,
    record_bytes,
)
from lockgate_marketplace.wheel import Wheel, unpack

__all__ = [
    "add_wheel",
    "described",
    "fresh_folder",
    "lacks",
    "whole_wheel",
]


def fresh_folder(staging: Path) -> Path:
    """A name in `staging` that nobody has."""
    return staging / f"{os.getpid()}-{secrets.token_hex(8)}"


def add_wheel(wheel: Wheel, wheels: Path, staging: Path) -> StoredWheel:
    """Unpack `wheel` aside, sync it, and rename it into its place in `wheels`.

    One that is there and looks whole is left alone; one that does not is replaced.

    Raises:
        StoreError: ``store-unwritable`` if the disk refuses; nothing is left of it.
    """
    target = wheels / wheel.sha256
    known = whole_wheel(target)
    if known is not None:
        return known
    made = fresh_folder(staging)
    with writing(target):
        try:
            unpack(wheel, made)
            stored = described(wheel, made)
            write_file(made / RECORD, record_bytes(stored))
            seal(made)
            while not place(made, target):
                if (known := whole_wheel(target)) is not None:
                    return known
                # What is there is damaged: it makes room, and is gone with the rest.
                os.chmod(target, 0o700)  # noqa: PTH101 - a folder is moved by its owner
                target.rename(fresh_folder(staging))
        finally:
            discard(made)
    return replace(stored, folder=target)


def whole_wheel(folder: Path) -> StoredWheel | None:
    """The wheel in `folder` if a look at its files finds nothing wrong."""
    try:
        stored = read_record(folder)
    except StoreError:
        return None
    return None if any(True for _ in lacks(stored)) else stored


def described(wheel: Wheel, folder: Path) -> StoredWheel:
    """What the record of `wheel` says once it lies in `folder`."""
    files = tuple(
        StoredFile(f"{m.area}/{m.path}", m.size, m.sha256, m.executable)
        for m in wheel.members
    )
    return StoredWheel(
        wheel.sha256,
        wheel.name,
        wheel.version,
        wheel.filename,
        folder,
        files,
        wheel.requires_dist,
        tuple(sorted(wheel.modules)),
    )


def lacks(wheel: StoredWheel) -> Iterator[tuple[StoredFile, str]]:
    """The files that are not there, or not what they were by size, kind and mode."""
    for file in wheel.files:
        try:
            status = os.lstat(wheel.folder / file.path)
        except OSError as error:
            yield file, f"is not there: {error.strerror}"
            continue
        if not stat.S_ISREG(status.st_mode):
            yield file, "is no regular file"
        elif status.st_size != file.size:
            yield file, f"has {status.st_size:,} bytes, not {file.size:,}"
        elif status.st_nlink != 1:
            yield file, "has another name: what is written there is written here"
        elif stat.S_IMODE(status.st_mode) != file.mode:
            yield file, f"has the mode {stat.S_IMODE(status.st_mode):o}"

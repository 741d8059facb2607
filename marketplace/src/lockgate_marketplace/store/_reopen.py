"""A wheel out of the store, to be judged again by its files; each is hashed."""

from __future__ import annotations

import hashlib
import os
from typing import cast

from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._record import StoredFile, StoredWheel
from lockgate_marketplace.wheel import (
    Area,
    Member,
    Surroundings,
    Unpacked,
    Wheel,
    WheelName,
    judge_unpacked,
)

__all__ = ["reopen"]


def reopen(stored: StoredWheel, around: Surroundings) -> Wheel:
    """The wheel as the gate gives it; a file that it is asked for is read and hashed.

    Raises:
        WheelError: If it does not fit into what is around it.
        StoreError: ``store-record`` if a file is not what was written; so does
            whatever reads a file of the wheel later.
    """
    name = WheelName.parse(stored.filename)
    members = [_member(file) for file in stored.files]
    files = Unpacked(members, lambda member: _read(stored, member))
    return judge_unpacked(files, name, stored.sha256, around)


def _member(file: StoredFile) -> Member:
    area, _, path = file.path.partition("/")
    place = cast("Area", area)  # `parse_record` takes no other
    return Member(path, file.size, file.sha256, file.executable, place)


def _read(stored: StoredWheel, member: Member) -> bytes:
    place = stored.folder / member.area / member.path
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with os.fdopen(os.open(place, flags), "rb") as file:
            content = file.read(member.size + 1)
    except OSError as error:
        message = f"it can't be read: {error.strerror}"
        raise StoreError("store-record", message, where=str(place)) from None
    if hashlib.sha256(content).hexdigest() != member.sha256:
        message = "it is not the file that was written"
        raise StoreError("store-record", message, where=str(place))
    return content

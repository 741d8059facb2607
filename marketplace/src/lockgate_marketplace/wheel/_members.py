"""Every file of a wheel, inflated once and held against RECORD."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._contents import Contents
from lockgate_marketplace.wheel._layout import Area, Place
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._record import (
    Row,
    encoded_digest,
    read_record,
    record_text,
)
from lockgate_marketplace.wheel._wheel import Member
from lockgate_marketplace.wheel._zip import ZipEntry, pieces

__all__ = ["hashed_members"]

Made = Mapping[tuple[Area, str], bytes]
_EXECUTABLE = 0o111


def hashed_members(
    contents: Contents, limits: Limits
) -> tuple[tuple[Member, ...], Made]:
    """The members in the archive's order, and those that are written anew.

    That is RECORD, if a file goes elsewhere than its name in the archive says: the
    specification has installers write the places, and discovery reads them.

    Raises:
        WheelError: If RECORD is unsound, or a member is not what it says.
    """
    where = f"{contents.dist_info}/RECORD"
    raw = contents.needed("RECORD", limits.record_bytes, "wheel-record")
    rows = read_record(raw, where, contents.entries)
    moved = any(place.path != name for name, place in contents.places.items())
    made: dict[tuple[Area, str], bytes] = {}
    members: list[Member] = []
    for name, entry in contents.entries.items():
        area, path = contents.places[name]
        row = rows.get(name)
        size, digest = entry.size, _digest(contents.data, entry, row)
        if row is None and moved:
            new = _moved_record(contents.places, rows)
            made[area, path] = new
            size, digest = len(new), hashlib.sha256(new).hexdigest()
        executable = area == "bin" or bool(entry.mode & _EXECUTABLE)
        members.append(Member(path, size, digest, executable, area))
    return tuple(members), made


def _digest(data: bytes, entry: ZipEntry, row: Row | None) -> str:
    """The SHA-256 of a member, once its row has been found right."""
    own = hashlib.sha256()
    said = (
        own if row is None or row.algorithm == "sha256" else hashlib.new(row.algorithm)
    )
    for piece in pieces(data, entry):
        own.update(piece)
        if said is not own:
            said.update(piece)
    if row is not None:
        digest = encoded_digest(said.digest())
        if digest != row.digest or entry.size != row.size:
            message = (
                f"{row.algorithm}={digest}, {entry.size:,} bytes; RECORD says "
                f"{row.digest}, {row.size:,} bytes"
            )
            raise WheelError("wheel-record-hash", message, where=entry.name)
    return own.hexdigest()


def _moved_record(places: Mapping[str, Place], rows: Mapping[str, Row]) -> bytes:
    """RECORD with the place of each file, relative to site."""

    def line(name: str) -> tuple[str, str, str]:
        area, path = places[name]
        place = path if area == "site" else f"../{area}/{path}"
        row = rows.get(name)
        if row is None:
            return place, "", ""
        return place, f"{row.algorithm}={row.digest}", str(row.size)

    return record_text(line(name) for name in places)

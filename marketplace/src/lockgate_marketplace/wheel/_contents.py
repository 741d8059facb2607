"""The files of a wheel and where each would go: archive and paths together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._layout import Place, check_site, place_of, top_parts
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._metadata import dist_info_of
from lockgate_marketplace.wheel._names import WheelName
from lockgate_marketplace.wheel._paths import check_distinct, check_path
from lockgate_marketplace.wheel._zip import ZipEntry, read_archive, read_whole

__all__ = ["Contents", "read_contents"]

_SIGNATURES = ("record.jws", "record.p7s")
_INSTALLERS = ("direct_url.json", "installer", "requested")
"""Files of a metadata folder that installers write, about where it came from."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The files by their names in the archive, and the places of all of them."""

    data: bytes
    dist_info: str
    entries: Mapping[str, ZipEntry]
    places: Mapping[str, Place]

    def needed(self, file: str, limit: int, code: str) -> bytes:
        """The bytes of a file of the metadata folder, which every wheel has.

        Raises:
            WheelError: `code` if it is missing, or larger.
        """
        raw = self.at(f"{self.dist_info}/{file}", limit, code)
        if raw is None:
            raise WheelError(code, f"{file} is missing", where=self.dist_info)
        return raw

    def site(self) -> list[str]:
        """The paths below site."""
        return [place.path for place in self.places.values() if place.area == "site"]

    def at(self, path: str, limit: int, code: str) -> bytes | None:
        """The bytes of the file at `path` below site, None if it is not there.

        Raises:
            WheelError: `code` if there are more than `limit`.
        """
        for name, place in self.places.items():
            if place == ("site", path):
                return read_whole(self.data, self.entries[name], limit, code)
        return None


def read_contents(data: bytes, name: WheelName, limits: Limits) -> Contents:
    """Read the archive and judge every path in it.

    Raises:
        WheelError: If the archive is unsound, or a file may not go where it would.
    """
    archive = read_archive(data, limits)
    for entry in archive:
        check_path(entry.name, limits)
    entries = {entry.name: entry for entry in archive if not entry.is_folder}
    empty = [entry.name[:-1] for entry in archive if entry.is_folder]
    check_distinct(entries, empty)
    stem = dist_info_of(top_parts(entry.name for entry in archive), name)
    info = f"{stem}.dist-info"
    for path in entries:
        folder, _, file = path.casefold().partition("/")
        if folder == info.casefold() and file in _SIGNATURES:
            message = "it signs RECORD in a way that nothing verifies any more"
            raise WheelError("wheel-record-signature", message, where=path)
        if folder == info.casefold() and file in _INSTALLERS:
            message = "only an installer writes this file, of what it installed"
            raise WheelError("wheel-installer-file", message, where=path)
    for entry in archive:
        if entry.is_folder:
            read_whole(data, entry, 0, "wheel-zip-data")
    places = {path: place_of(path, stem) for path in entries}
    for path, place in places.items():
        if place.area == "site":
            check_site(place.path, path)
    if any(place.path != path for path, place in places.items()):
        check_distinct(f"{place.area}/{place.path}" for place in places.values())
    return Contents(data, info, entries, places)

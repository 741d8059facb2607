"""What a wheel says of itself, held against what is around it: names, needs, manifest.

The same for a wheel's file and for one that lies unpacked in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from lockgate.manifest import MANIFEST_LIMIT_BYTES
from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._entry_points import (
    EntryPoints,
    manifest_file,
    plugin_names,
    read_entry_points,
)
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._metadata import read_metadata
from lockgate_marketplace.wheel._modules import (
    check_import_names,
    check_owners,
    modules_of,
)
from lockgate_marketplace.wheel._names import WheelName
from lockgate_marketplace.wheel._surroundings import Surroundings

__all__ = ["Files", "Words", "read_words"]

_NO_POINTS: EntryPoints = MappingProxyType({})


class Files(Protocol):
    """The files of a wheel, wherever they are."""

    @property
    def dist_info(self) -> str:
        """The name of the metadata folder."""
        ...

    def site(self) -> list[str]:
        """The paths below site."""
        ...

    def at(self, path: str, limit: int, code: str) -> bytes | None:
        """The bytes of the file at `path` below site, None if it is not there.

        Raises:
            WheelError: `code` if there are more than `limit`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """As `Wheel` has them."""

    metadata: bytes
    requires_dist: tuple[str, ...]
    requires_python: str
    entry_points: EntryPoints
    manifest: bytes | None
    manifest_path: str
    modules: frozenset[str]


def read_words(
    files: Files, name: WheelName, limits: Limits, around: Surroundings
) -> Words:
    """Read them, and see whether the wheel takes what is another's.

    Raises:
        WheelError: If it does, or one of its files is not what it must be.
    """
    place = f"{files.dist_info}/METADATA"
    raw = files.at(place, limits.metadata_bytes, "wheel-metadata")
    if raw is None:
        message = "METADATA is missing"
        raise WheelError("wheel-metadata", message, where=files.dist_info)
    metadata = read_metadata(raw, name, place)
    around.target.check_python(metadata.requires_python)
    site = files.site()
    modules = modules_of(site)
    check_owners(modules, name.name, around.modules, host=around.host)
    if metadata.import_names is not None:
        names = (metadata.import_names, metadata.import_namespaces)
        check_import_names(modules, site, *names)
    points = _entry_points(files, limits, name.name, around.plugins)
    manifest_path, manifest = _manifest(files, points)
    return Words(
        raw,
        metadata.requires_dist,
        metadata.requires_python,
        points,
        manifest,
        manifest_path,
        modules,
    )


def _entry_points(
    files: Files, limits: Limits, distribution: str, owners: Mapping[str, str]
) -> EntryPoints:
    where = f"{files.dist_info}/entry_points.txt"
    raw = files.at(where, limits.entry_points_bytes, "wheel-entry-points")
    if raw is None:
        return _NO_POINTS
    points = read_entry_points(raw, where)
    for plugin in sorted(plugin_names(points)):
        owner = owners.get(plugin, distribution)
        if owner != distribution:
            message = f"it brings the plugin {plugin!r}, whose name belongs to {owner}"
            raise WheelError(
                "wheel-entry-point-owned", message, where=where, owner=owner
            )
    return points


def _manifest(files: Files, points: EntryPoints) -> tuple[str, bytes | None]:
    where = f"{files.dist_info}/entry_points.txt"
    path = manifest_file(points, where)
    if not path:
        return "", None
    raw = files.at(path, MANIFEST_LIMIT_BYTES, "wheel-manifest")
    if raw is None:
        message = f"the wheel has no file {path!r}, which the entry point names"
        raise WheelError("wheel-manifest", message, where=where)
    return path, raw

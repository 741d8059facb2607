"""The gate: a wheel file in, a judged `Wheel` out, or one reason why not.

The file is read once. The archive is parsed once, by the strict reader beside this
module, before anything else of the machine opens it; every later step, the
unpacking included, works on those bytes and that parse.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lockgate.manifest import MANIFEST_LIMIT_BYTES
from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._contents import Contents, read_contents
from lockgate_marketplace.wheel._entry_points import (
    EntryPoints,
    manifest_file,
    plugin_names,
    read_entry_points,
)
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._members import hashed_members
from lockgate_marketplace.wheel._metadata import check_wheel_file, read_metadata
from lockgate_marketplace.wheel._modules import (
    check_import_names,
    check_owners,
    modules_of,
)
from lockgate_marketplace.wheel._names import WheelName
from lockgate_marketplace.wheel._surroundings import Surroundings
from lockgate_marketplace.wheel._text import shown
from lockgate_marketplace.wheel._wheel import Wheel
from lockgate_marketplace.wheel._zip import read_whole

__all__ = ["judge", "open_wheel"]

_NO_POINTS: EntryPoints = MappingProxyType({})


def open_wheel(
    path: Path,
    *,
    expect: WheelName | None = None,
    sha256: str = "",
    limits: Limits | None = None,
    around: Surroundings | None = None,
) -> Wheel:
    """Read the wheel at `path`, once, and judge all of it.

    Args:
        path: A regular file.
        expect: What the wheel must be; None takes the name of `path`.
        sha256: What the file's hash must be, hexadecimal; ``""`` takes any.
        limits: How much it may be and become.
        around: What it is to fit into; None is this Python, and nothing else.

    Raises:
        WheelError: If it is refused. Nothing was written anywhere.
    """
    name = expect or WheelName.parse(path.name)
    data = _read_once(path, (limits or Limits()).wheel_bytes)
    return judge(data, name, sha256=sha256, limits=limits, around=around)


def _read_once(path: Path, limit: int) -> bytes:
    where = str(path)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                message = "it is no regular file"
                raise WheelError("wheel-unreadable", message, where=where)
            _check_size(found.st_size, limit, where)
            parts: list[bytes] = []
            left = limit + 1
            # One byte more than there should be tells a file that grows.
            while piece := file.read(min(left, found.st_size + 1)):
                parts.append(piece)
                left -= len(piece)
                _check_size(limit + 1 - left, limit, where)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WheelError("wheel-unreadable", reason, where=where) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_size(size: int, limit: int, where: str) -> None:
    if size > limit:
        message = f"{size:,} bytes (limit {limit:,})"
        raise WheelError("wheel-too-large", message, where=where)


def judge(
    data: bytes,
    name: WheelName,
    *,
    sha256: str = "",
    limits: Limits | None = None,
    around: Surroundings | None = None,
) -> Wheel:
    """Judge the bytes of a wheel: `open_wheel` says how.

    Raises:
        WheelError: If it is refused; `where` names the wheel and the member.
    """
    limits, around = limits or Limits(), around or Surroundings()
    try:
        _check_size(len(data), limits.wheel_bytes, "")
        around.target.check_tags(name)
        digest = hashlib.sha256(data).hexdigest()
        if sha256 and digest != sha256.lower():
            message = f"its SHA-256 is {digest}, not {sha256}"
            raise WheelError("wheel-hash", message)
        return _judge(data, name, digest, limits, around)
    except WheelError as error:
        error.where = ": ".join(filter(None, (name.filename, shown(error.where))))
        raise


def _judge(
    data: bytes, name: WheelName, digest: str, limits: Limits, around: Surroundings
) -> Wheel:
    contents = read_contents(data, name, limits)
    info = contents.dist_info
    wheel_file = contents.needed("WHEEL", limits.wheel_file_bytes, "wheel-wheel")
    check_wheel_file(wheel_file, f"{info}/WHEEL")
    raw = contents.needed("METADATA", limits.metadata_bytes, "wheel-metadata")
    metadata = read_metadata(raw, name, f"{info}/METADATA")
    around.target.check_python(metadata.requires_python)
    site = contents.site()
    modules = modules_of(site)
    check_owners(modules, name.name, around.modules, host=around.host)
    if metadata.import_names is not None:
        names = (metadata.import_names, metadata.import_namespaces)
        check_import_names(modules, site, *names)
    points = _entry_points(contents, limits, name.name, around.plugins)
    manifest_path, manifest = _manifest(contents, points)
    members, made = hashed_members(contents, limits)
    return Wheel(
        name=name.name,
        version=name.version,
        filename=name.filename,
        sha256=digest,
        size=len(data),
        metadata=raw,
        requires_dist=metadata.requires_dist,
        requires_python=metadata.requires_python,
        entry_points=points,
        manifest=manifest,
        manifest_path=manifest_path,
        dist_info=info,
        members=members,
        modules=modules,
        _data=data,
        _entries={contents.places[n]: entry for n, entry in contents.entries.items()},
        _made=made,
    )


def _entry_points(
    contents: Contents, limits: Limits, distribution: str, owners: Mapping[str, str]
) -> EntryPoints:
    where = f"{contents.dist_info}/entry_points.txt"
    raw = contents.text(
        "entry_points.txt", limits.entry_points_bytes, "wheel-entry-points"
    )
    if raw is None:
        return _NO_POINTS
    points = read_entry_points(raw, where)
    for plugin in sorted(plugin_names(points)):
        owner = owners.get(plugin, distribution)
        if owner != distribution:
            message = f"the plugin {plugin!r} belongs to {owner}"
            raise WheelError(
                "wheel-entry-point-owned", message, where=where, owner=owner
            )
    return points


def _manifest(contents: Contents, points: EntryPoints) -> tuple[str, bytes | None]:
    where = f"{contents.dist_info}/entry_points.txt"
    path = manifest_file(points, where)
    if not path:
        return "", None
    for name, place in contents.places.items():
        if place == ("site", path):
            entry = contents.entries[name]
            code = "wheel-manifest"
            return path, read_whole(contents.data, entry, MANIFEST_LIMIT_BYTES, code)
    message = f"the wheel has no file {path!r}, which the entry point names"
    raise WheelError("wheel-manifest", message, where=where)

"""METADATA and WHEEL: what the wheel says of itself, held against its name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._headers import Headers, read_headers
from lockgate_marketplace.wheel._names import WheelName

__all__ = ["Metadata", "check_wheel_file", "dist_info_of", "read_metadata"]

_INFO = ".dist-info"
_IMPORT_NAME = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?\s*(;\s*private)?")
_REQUIREMENTS_MAXIMUM = 2_000
_REQUIREMENT_LETTERS = 4_000
_METADATA_VERSION = re.compile(r"[12]\.[0-9]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of METADATA that something is decided by."""

    requires_dist: tuple[str, ...]
    requires_python: str
    import_names: frozenset[str] | None
    """What Import-Name and Import-Namespace declare (PEP 794); None if neither."""
    import_namespaces: frozenset[str] = frozenset()


def dist_info_of(tops: set[str], name: WheelName) -> str:
    """The one ``.dist-info`` folder of the top-level parts `tops`.

    Raises:
        WheelError: If there is none, another metadata folder, or it is another's.
    """
    folded = {top: top.casefold() for top in tops}
    found = [
        top for top, low in folded.items() if low.endswith((_INFO, ".egg-info", ".egg"))
    ]
    if len(found) != 1 or not found[0].endswith(_INFO):
        shown = ", ".join(sorted(found)[:3]) or "none"
        message = f"metadata folders: {shown[:200]}"
        raise WheelError("wheel-dist-info", message)
    stem = found[0].removesuffix(_INFO)
    said, _, version = stem.partition("-")
    try:
        same = canonicalize_name(said, validate=True) == name.name
        same = same and Version(version) == Version(name.version)
    except ValueError:
        same = False
    if not same:
        message = f"it is not {name.name} {name.version}'s"
        raise WheelError("wheel-dist-info-name", message, where=found[0])
    return stem


def read_metadata(raw: bytes, name: WheelName, where: str) -> Metadata:
    """Read METADATA.

    Raises:
        WheelError: If it is malformed, of another distribution, or depends on
            addresses.
    """
    headers = read_headers(raw, "wheel-metadata", where)
    if not _METADATA_VERSION.fullmatch(headers.one("Metadata-Version")):
        message = f"unknown Metadata-Version: {headers.one('Metadata-Version')[:40]!r}"
        raise WheelError("wheel-metadata", message, where=where)
    said, version = headers.one("Name"), headers.one("Version")
    try:
        same = canonicalize_name(said, validate=True) == name.name
    except ValueError:
        same = False
    if not same:
        message = f"METADATA is {said[:80]!r}'s, the file's name is {name.name!r}"
        raise WheelError("wheel-metadata-name", message, where=where)
    try:
        same = Version(version) == Version(name.version)
    except ValueError:
        same = False
    if not same:
        message = f"METADATA says {version[:80]!r}, the file's name {name.version!r}"
        raise WheelError("wheel-metadata-version", message, where=where)
    requires = headers.all("Requires-Dist")
    if len(requires) > _REQUIREMENTS_MAXIMUM:
        message = f"{len(requires):,} requirements (limit {_REQUIREMENTS_MAXIMUM:,})"
        raise WheelError("wheel-metadata", message, where=where)
    return Metadata(
        tuple(_requirement(line, where) for line in requires),
        headers.one("Requires-Python", ""),
        *_import_names(headers, where),
    )


def _requirement(line: str, where: str) -> str:
    """One Requires-Dist, in one line."""
    text = " ".join(line.split("\n"))
    if len(text) > _REQUIREMENT_LETTERS:
        message = f"a requirement of {len(text):,} letters: {text[:80]!r}"
        raise WheelError("wheel-metadata", message, where=where)
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        message = f"no requirement: {text[:80]!r}"
        raise WheelError("wheel-metadata", message, where=where) from None
    if requirement.url is not None:
        message = f"{requirement.name} is required from {requirement.url[:80]!r}"
        raise WheelError("wheel-requires-direct", message, where=where)
    return text


def _import_names(
    headers: Headers, where: str
) -> tuple[frozenset[str] | None, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for key in ("Import-Name", "Import-Namespace"):
        declared: set[str] = set()
        for value in headers.all(key):
            name = _IMPORT_NAME.fullmatch(value)
            if name is None:
                message = f"no import name: {value[:80]!r}"
                raise WheelError("wheel-metadata", message, where=where)
            declared |= {name[1]} if name[1] else set()
        found[key] = frozenset(declared)
    names, namespaces = found["Import-Name"], found["Import-Namespace"]
    if names & namespaces:
        shown = ", ".join(sorted(names & namespaces)[:3])
        message = f"Import-Name and Import-Namespace both name {shown}"
        raise WheelError("wheel-import-names", message, where=where)
    said = headers.all("Import-Name") or headers.all("Import-Namespace")
    return (names if said else None), namespaces


def check_wheel_file(raw: bytes, where: str) -> None:
    """Judge the file WHEEL.

    Raises:
        WheelError: If it is malformed, or of a format later than 1.
    """
    headers = read_headers(raw, "wheel-wheel", where)
    version = headers.one("Wheel-Version")
    if not re.fullmatch(r"1\.[0-9]+", version):
        message = f"the format's version is {version[:40]!r}, not 1"
        raise WheelError("wheel-wheel", message, where=where)
    pure = headers.one("Root-Is-Purelib")
    if pure.lower() not in ("true", "false"):
        message = f"Root-Is-Purelib is {pure[:40]!r}, neither true nor false"
        raise WheelError("wheel-wheel", message, where=where)

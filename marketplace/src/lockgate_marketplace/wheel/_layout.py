"""Where a wheel's members go: its own ``site/`` and ``bin/``, and nowhere else.

The binary distribution format lets a wheel spread files over an environment
(``.data``). Of that, the module folders are joined and scripts are kept in a ``bin/``
that is on no PATH; headers and files for the interpreter's prefix are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._scripts import check_script

__all__ = ["Area", "Place", "check_site", "place_of", "top_parts"]

Area = Literal["site", "bin"]

_DATA = ".data"
_SITE_AREAS = ("purelib", "platlib")
_METADATA = (".dist-info", ".egg-info", ".egg")
_START_SUFFIXES = (".pth", ".start")
_START_MODULES = ("sitecustomize", "usercustomize")


class Place(NamedTuple):
    """Where one member goes: a path below an area."""

    area: Area
    path: str


def top_parts(names: Iterable[str]) -> set[str]:
    """The first part of each path."""
    return {name.partition("/")[0] for name in names}


def place_of(name: str, stem: str) -> Place:
    """The place of the member `name` of the wheel whose folders begin with `stem`.

    Raises:
        WheelError: If it would go beyond site and bin, or is a script with a name
            that it may not have.
    """
    top, _, rest = name.partition("/")
    if not top.casefold().endswith(_DATA):
        return Place("site", name)
    area, _, path = rest.partition("/")
    if top != stem + _DATA:
        message = f"{top!r} is not the wheel's own data folder, {stem + _DATA!r}"
        raise WheelError("wheel-data-area", message, where=name)
    if not path:
        message = "it lies in the data folder, in none of its areas"
        raise WheelError("wheel-data-area", message, where=name)
    if area in _SITE_AREAS:
        if path.partition("/")[0].casefold().endswith(_METADATA):
            message = "it would be unpacked into a metadata folder"
            raise WheelError("wheel-dist-info", message, where=name)
        return Place("site", path)
    if area != "scripts":
        message = f"the area {area!r} is installed into the interpreter's own folders"
        raise WheelError("wheel-data-area", message, where=name)
    check_script(path, name)
    return Place("bin", path)


def check_site(path: str, name: str) -> None:
    """Judge one path below site; `name` is the member's.

    Raises:
        WheelError: If Python would run the file unasked, or without its source.
    """
    low = path.casefold()
    first, slash, _ = low.partition("/")
    if not slash and low.endswith(_START_SUFFIXES):
        message = "Python reads it at every start, and runs what it says"
        raise WheelError("wheel-startup-file", message, where=name)
    if first.partition(".")[0] in _START_MODULES:
        message = "Python imports it at every start"
        raise WheelError("wheel-startup-file", message, where=name)
    if low.endswith((".pyc", ".pyo")) or "__pycache__" in low.split("/"):
        message = "it is compiled bytecode, or lies where Python keeps it"
        raise WheelError("wheel-bytecode", message, where=name)

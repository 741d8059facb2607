"""``entry_points.txt``: an INI file that every reader must read alike.

importlib.metadata, configparser and the engine's reader differ over indented
lines, repeated names, lines behind a `;` and odd line ends; a file that uses them is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._scripts import check_script
from lockgate_marketplace.wheel._text import decoded, text_lines

__all__ = ["EntryPoints", "manifest_file", "plugin_names", "read_entry_points"]

EntryPoints = Mapping[str, Mapping[str, str]]
"""Group -> name -> value."""

_CODE = "wheel-entry-points"
_GROUP = re.compile(r"\[([\w-]+(?:\.[\w-]+)*)\]")
_NAME = re.compile(r"[^\s=\[\];#][^=\[\]\x00-\x1f]*")
_VALUE = re.compile(
    r"[\w.-]+(?:\s*:\s*[\w.-]+)?(?:\s*\[\s*(?:[\w.-]+(?:\s*,\s*[\w.-]+)*)?\s*\])?"
)
_SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
_LINE_MAXIMUM = 2_048
_OWN = "lockgate."
_MANIFEST = "lockgate.manifest"
_MANIFEST_VALUE = re.compile(r"([A-Za-z_]\w*)\s*:\s*([A-Za-z0-9_.-]+\.toml)", re.ASCII)


def read_entry_points(raw: bytes, where: str) -> EntryPoints:
    """Read the file.

    Raises:
        WheelError: If a line is not plain, a group or a name is repeated, or a
            script's name is not one that a wheel may install.
    """
    groups: dict[str, dict[str, str]] = {}
    group: dict[str, str] | None = None
    title = ""
    lines = text_lines(decoded(raw, _CODE, where), _CODE, where)
    for number, line in enumerate(lines, 1):
        if len(line) > _LINE_MAXIMUM:
            message = f"line {number} has {len(line):,} letters"
            raise WheelError(_CODE, message, where=where)
        # `;` begins a comment for configparser, and an entry for importlib.metadata.
        if not line.strip(" \t") or line[0] == "#":
            continue
        heading = _GROUP.fullmatch(line.rstrip(" \t"))
        if heading is not None:
            title = heading[1]
            if title in groups:
                message = f"line {number} repeats the group {title!r}"
                raise WheelError(_CODE, message, where=where)
            group = groups[title] = {}
            continue
        name, value = _entry(line, number, where)
        if group is None or name in group:
            what = "stands before a group" if group is None else f"repeats {name!r}"
            raise WheelError(_CODE, f"line {number} {what}", where=where)
        if title in _SCRIPT_GROUPS:
            check_script(name, where)
        group[name] = value
    return MappingProxyType({k: MappingProxyType(v) for k, v in groups.items()})


def _entry(line: str, number: int, where: str) -> tuple[str, str]:
    name, separator, value = line.partition("=")
    name, value = name.rstrip(" \t"), value.strip(" \t")
    if not separator or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        message = f"line {number} is no `name = module:object`: {line[:80]!r}"
        raise WheelError(_CODE, message, where=where)
    return name, value


def plugin_names(points: EntryPoints) -> frozenset[str]:
    """The names of the plugins that the entry points announce to lockgate."""
    return frozenset(
        name
        for group, entries in points.items()
        if group.startswith(_OWN)
        for name in entries
    )


def manifest_file(points: EntryPoints, where: str) -> str:
    """The path of the manifest below the site, or ``""`` if there is none.

    Raises:
        WheelError: If there are several, or it is no file of a top-level package.
    """
    entries = points.get(_MANIFEST, {})
    if not entries:
        return ""
    if len(entries) > 1:
        message = f"{len(entries)} manifests: {', '.join(sorted(entries)[:3])}"
        raise WheelError("wheel-manifest", message, where=where)
    (value,) = entries.values()
    found = _MANIFEST_VALUE.fullmatch(value)
    if found is None:
        message = f"the manifest is {value[:80]!r}, no `package:lockgate.toml`"
        raise WheelError("wheel-manifest", message, where=where)
    return f"{found[1]}/{found[2]}"

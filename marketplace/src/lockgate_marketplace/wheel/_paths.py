"""The paths of a wheel's members: relative, plain, and distinct everywhere.

A path is refused that any system would read as another place, or that two
systems would read as the same place: Windows and macOS count, because a wheel
that unpacks differently there was not what was judged here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._limits import Limits

__all__ = ["check_distinct", "check_path"]

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
"""What Windows takes for a device, with any extension."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Categories of control, format, private, unassigned and separating characters."""


def check_path(name: str, limits: Limits) -> None:
    """Judge one member's path; a folder's ends with a slash.

    Raises:
        WheelError: If it is no plain relative path.
    """
    if not name.isascii() or not name.isprintable():
        _check_letters(name)
    if "\\" in name or ":" in name:
        message = "the path has a backslash or a colon"
        raise WheelError("wheel-path-characters", message, where=name)
    parts = name.removesuffix("/").split("/")
    for part in parts:
        if part in ("", ".", ".."):
            what = "an empty part" if not part else f"a part {part!r}"
            message = f"the path has {what}" if name[0] != "/" else "it is absolute"
            raise WheelError("wheel-path-escapes", message, where=name)
        if part[-1] in ". " or _RESERVED.fullmatch(part):
            message = f"{part!r} is a name that file systems reserve or change"
            raise WheelError("wheel-path-reserved", message, where=name)
        if len(part.encode()) > limits.part_bytes:
            message = f"a part of {len(part.encode())} bytes"
            raise WheelError("wheel-path-long", message, where=name[:120])
    size = len(name.encode())
    if size > limits.path_bytes or len(parts) > limits.depth:
        message = (
            f"{size} bytes in {len(parts)} parts "
            f"(limits {limits.path_bytes} and {limits.depth})"
        )
        raise WheelError("wheel-path-long", message, where=name[:120])


def _check_letters(name: str) -> None:
    for letter in name:
        if letter != " " and unicodedata.category(letter) in _UNSEEN:
            message = f"the path has the character U+{ord(letter):04X}"
            shown = name.encode("ascii", "backslashreplace").decode()
            raise WheelError("wheel-path-characters", message, where=shown)
    if not unicodedata.is_normalized("NFC", name):
        message = "the path is not in the normal form NFC"
        raise WheelError("wheel-path-normal-form", message, where=ascii(name))


def check_distinct(paths: Iterable[str], empty: Iterable[str] = ()) -> None:
    """Judge all paths of files together, folders on the way included.

    `empty` are folders that the archive names, which need not have files.

    Raises:
        WheelError: If two are one place for some file system, or one file is below
            another.
    """
    folders: dict[str, str] = {}
    files: dict[str, str] = {}
    for path in chain((f"{folder}/" for folder in empty), paths):
        if path[-1] != "/":
            key = _key(path)
            if key in files:
                raise _collision(path, files[key], path)
            files[key] = path
        at = path.rfind("/")
        while at > 0:
            folder = path[:at]
            key = _key(folder)
            known = folders.get(key)
            if known == folder:
                break
            if known is not None:
                raise _collision(folder, known, path)
            folders[key] = folder
            at = path.rfind("/", 0, at)
    for key in files.keys() & folders.keys():
        message = f"other members lie below it, in {folders[key]!r}"
        raise WheelError("wheel-path-below-file", message, where=files[key])


def _key(path: str) -> str:
    """What two paths have in common that some file system takes for one."""
    if path.isascii():
        return path.lower()
    folded = unicodedata.normalize("NFKC", path).casefold()
    return unicodedata.normalize("NFKC", folded)


def _collision(path: str, other: str, where: str) -> WheelError:
    message = f"{path!r} and {other!r} are one path"
    return WheelError("wheel-path-collision", message, where=where)

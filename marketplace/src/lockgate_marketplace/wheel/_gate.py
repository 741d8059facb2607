"""The gate: a wheel file in, a judged `Wheel` out, or one reason why not.

The file is read once. The archive is parsed once, by the strict reader beside this
module, before anything else of the machine opens it; every later step, the
unpacking included, works on those bytes and that parse.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._contents import read_contents
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._members import hashed_members
from lockgate_marketplace.wheel._metadata import check_wheel_file
from lockgate_marketplace.wheel._names import WheelName
from lockgate_marketplace.wheel._surroundings import Surroundings
from lockgate_marketplace.wheel._text import shown
from lockgate_marketplace.wheel._wheel import Wheel
from lockgate_marketplace.wheel._words import read_words

__all__ = ["judge", "open_wheel"]


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
    data = _read_once(path, (limits or Limits()).wheel_bytes)
    name = expect or WheelName.parse(path.name)
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
    wheel_file = contents.needed("WHEEL", limits.wheel_file_bytes, "wheel-wheel")
    check_wheel_file(wheel_file, f"{contents.dist_info}/WHEEL")
    said = read_words(contents, name, limits, around)
    members, made = hashed_members(contents, limits)
    return Wheel(
        name=name.name,
        version=name.version,
        filename=name.filename,
        sha256=digest,
        size=len(data),
        metadata=said.metadata,
        requires_dist=said.requires_dist,
        requires_python=said.requires_python,
        entry_points=said.entry_points,
        manifest=said.manifest,
        manifest_path=said.manifest_path,
        dist_info=contents.dist_info,
        members=members,
        modules=said.modules,
        _data=data,
        _entries={contents.places[n]: entry for n, entry in contents.entries.items()},
        _made=made,
    )

"""What single values of a manifest may be: names, paths, sizes, ranges."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, NoReturn, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from lockgate._hook.api import HOOK_API_VERSION, numbers
from lockgate.values import check_path

__all__ = [
    "LIMIT_NAMES",
    "Absolute",
    "Amount",
    "Doc",
    "HookName",
    "Host",
    "Inside",
    "Line",
    "Module",
    "Name",
    "Target",
    "Text",
    "Version",
    "Word",
    "admits_newer",
    "check_range",
    "impl_tables",
    "refuse",
    "supports",
]

LIMIT_NAMES = (
    "cpu-seconds", "wall-seconds", "memory-bytes", "processes", "open-files",
    "file-bytes", "disk-bytes", "inodes", "output-bytes", "message-bytes",
    "cpu-share", "gpu-memory-bytes",
)  # fmt: skip


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?", re.ASCII)
_UNITS = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_PATH_CHARS = 1024
_LIMIT_MAXIMUM = 2.0**53
"""Beyond it a float no longer holds each integer; no limit is that large."""


def refuse(message: str, *, hint: str = "", where: str = "") -> NoReturn:
    """Refuse a value; `where` is the key to blame, below the one being checked.

    Raises:
        PydanticCustomError: Always; the reader makes a `ManifestError` of it.
    """
    context = {"message": message, "hint": hint, "where": where}
    raise PydanticCustomError("manifest", "{message}", context)


@lru_cache(maxsize=64)
def supports(hook_api: str) -> bool:
    """Whether this lockgate's hook API lies in the range `hook_api`."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(hook_api).contains(HOOK_API_VERSION)


@lru_cache(maxsize=64)
def admits_newer(hook_api: str) -> bool:
    """Whether the range `hook_api` also holds a hook API that is newer than ours."""
    from packaging.specifiers import SpecifierSet

    major, minor, _ = numbers(HOOK_API_VERSION)
    later = (f"{major}.{minor + 1}", f"{major + 1}.0")
    return any(SpecifierSet(hook_api).contains(version) for version in later)


def _one_line(value: str) -> str:
    # Terminals see it: neither escapes nor marks that turn the writing around.
    if any(not (c.isprintable() or c in "\xa0\u202f\u200d") for c in value):
        refuse("must be one line without control characters")
    return value


def _host(value: str) -> str:
    # An owner agrees to what they read, and "аpi.example.org" reads like its twin.
    if not value.isascii():
        refuse(
            "must be plain ASCII: other letters look like these",
            hint="A host with other letters is written xn--…",
        )
    return _one_line(value)


def _lines(value: str) -> str:
    for line in value.split("\n"):
        _one_line(line)
    return value


def check_range(value: str) -> str:
    """`value` if it is a version range."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(value)
    except InvalidSpecifier:
        refuse(
            f"{value!r} is not a version range",
            hint='For example: hook-api = ">=1,<2"',
        )
    return value


def _version(value: str) -> str:
    try:
        numbers(value)
    except ValueError as error:
        refuse(str(error))
    return value


def _inside(value: str) -> str:
    try:
        return check_path(value)
    except ValueError as error:
        refuse(f"must be a file beside the manifest: {error}")


def _absolute(value: str) -> str:
    if not value.startswith(("/", "~/")) or ".." in value.split("/") or "\0" in value:
        refuse(
            f"{value[:80]!r} is not an absolute path without '..'",
            hint="Write it from / or ~/.",
        )
    if len(value) > _PATH_CHARS:  # it would push the rest off an owner's screen
        refuse(f"is longer than {_PATH_CHARS} characters")
    return _one_line(value)


def _size(value: object) -> object:
    """A number, or text like ``128 MiB``."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            refuse(
                f"{value[:40]!r} is not a size", hint="For example 65536 or '128 MiB'."
            )
        return float(match.group(1)) * _UNITS[match.group(2) or "B"]
    return value


def impl_tables(value: object) -> object:
    """A hook's impls in their long form: a list of tables."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [{"impl": item} if isinstance(item, str) else item for item in items]


Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)
]
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
HookName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=64)
]
Doc = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_lines)]
Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_one_line)]
Version = Annotated[str, AfterValidator(_version)]
Inside = Annotated[str, AfterValidator(_inside)]
Host = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_host)
]
Absolute = Annotated[str, AfterValidator(_absolute)]
Amount = Annotated[float, BeforeValidator(_size), Field(ge=0, le=_LIMIT_MAXIMUM)]
Module = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=256),
]
Target = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=256
    ),
]

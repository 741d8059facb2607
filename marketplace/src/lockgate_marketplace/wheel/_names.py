"""The name of a wheel file, and whether it was built for this Python."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lockgate_marketplace.errors import WheelError

__all__ = ["Target", "WheelName", "tags_of"]

_TAGS_MAXIMUM = 1024
_NAME_BYTES = 255


def tags_of(filename: str) -> int:
    """How many tags the name of a wheel file stands for, before any is made."""
    count = 1
    for part in filename.removesuffix(".whl").split("-")[-3:]:
        count *= part.count(".") + 1
    return count


@dataclass(frozen=True, slots=True)
class WheelName:
    """What the name of a wheel file says (the specification's binary format)."""

    filename: str
    name: str
    """Normalised: lower case, single hyphens."""
    version: str
    """Normalised as packaging writes versions."""
    build: str
    """The build tag, or ``""``."""
    tags: frozenset[Tag]

    @classmethod
    def parse(cls, filename: str) -> WheelName:
        """Read a file name.

        Raises:
            WheelError: If it is none of a wheel.
        """
        where = ascii(filename[:_NAME_BYTES])[1:-1]
        size = len(filename.encode("utf-8", "surrogateescape"))
        if not filename.isascii() or not filename.isprintable() or "/" in filename:
            message = "the name has letters that no wheel's name has"
            raise WheelError("wheel-filename", message, where=where)
        if size > _NAME_BYTES:
            raise WheelError(
                "wheel-filename", f"the name has {size} bytes", where=where
            )
        count = tags_of(filename)
        if count > _TAGS_MAXIMUM:
            message = f"the name stands for {count:,} tags (limit {_TAGS_MAXIMUM:,})"
            raise WheelError("wheel-filename", message, where=where)
        try:
            name, version, build, tags = parse_wheel_filename(filename)
        except (InvalidWheelFilename, ValueError):
            message = "the name is no wheel's"
            raise WheelError("wheel-filename", message, where=where) from None
        said = f"{build[0]}{build[1]}" if build else ""
        return cls(filename, name, str(version), said, tags)


@cache
def _running_tags() -> frozenset[Tag]:
    return frozenset(sys_tags())


@dataclass(frozen=True, slots=True)
class Target:
    """The Python that is to run the wheel.

    `Target.running()` is this one. `Target()` fits every wheel: for an index,
    which serves wheels for machines that it is not.
    """

    tags: frozenset[Tag] | None = None
    python: str = ""
    """Its version, like ``3.11.7``."""

    @classmethod
    def running(cls) -> Target:
        """The Python that runs this, on this machine."""
        return cls(_running_tags(), platform.python_version())

    def check_tags(self, name: WheelName) -> None:
        """Judge what the file's name says.

        Raises:
            WheelError: If none of the wheel's tags is among the target's.
        """
        if self.tags is not None and self.tags.isdisjoint(name.tags):
            shown = ", ".join(sorted(map(str, name.tags))[:3])
            raise WheelError("wheel-tags", f"it was built for {shown}")

    def check_python(self, requires_python: str) -> None:
        """Judge Requires-Python, which is empty if there is none.

        Raises:
            WheelError: If it excludes the target, or is none.
        """
        try:
            allowed = SpecifierSet(requires_python)
        except InvalidSpecifier:
            message = f"Requires-Python is no specifier: {requires_python[:80]!r}"
            raise WheelError("wheel-metadata", message) from None
        if self.python and not allowed.contains(self.python, prereleases=True):
            message = f"it requires Python {requires_python}, this is {self.python}"
            raise WheelError("wheel-requires-python", message)

"""A wheel that the gate let in, and its members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lockgate_marketplace.wheel._entry_points import EntryPoints
from lockgate_marketplace.wheel._layout import Area
from lockgate_marketplace.wheel._zip import ZipEntry, pieces

__all__ = ["Member", "Wheel"]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a wheel, where it goes."""

    path: str
    """Relative to its area, with slashes."""
    size: int
    """Bytes, unpacked."""
    sha256: str
    """Hexadecimal, of the unpacked bytes."""
    executable: bool
    area: Area
    """``site`` is what Python imports from; ``bin`` holds scripts."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in memory: what was judged is what `read` and `unpack` give.

    The file is not looked at again; it may change or vanish.
    """

    name: str
    """Normalised: lower case, single hyphens."""
    version: str
    filename: str
    sha256: str
    """Hexadecimal, of the file."""
    size: int
    """Bytes of the file; 0 if only its files are at hand, unpacked."""
    metadata: bytes
    """METADATA, as it is."""
    requires_dist: tuple[str, ...]
    requires_python: str
    entry_points: EntryPoints
    manifest: bytes | None
    """The file that the entry point group ``lockgate.manifest`` names, if any."""
    manifest_path: str
    """Its path below site, or ``""``."""
    dist_info: str
    """The name of the metadata folder."""
    members: tuple[Member, ...]
    modules: frozenset[str]
    """Dotted: each top-level module; of a shared namespace, the parts below it."""
    _data: bytes = field(repr=False)
    _entries: Mapping[tuple[Area, str], ZipEntry] = field(repr=False)
    _made: Mapping[tuple[Area, str], bytes] = field(repr=False)
    """Members that are not in `_data`: RECORD, if the gate wrote it anew; all of
    them, if they lie unpacked."""

    def pieces(self, member: Member) -> Iterator[bytes | memoryview]:
        """The bytes of `member`, in pieces of at most a mebibyte."""
        place = (member.area, member.path)
        made = self._made.get(place)
        return (
            pieces(self._data, self._entries[place]) if made is None else iter([made])
        )

    def read(self, member: Member) -> bytes:
        """The bytes of `member`."""
        return b"".join(self.pieces(member))

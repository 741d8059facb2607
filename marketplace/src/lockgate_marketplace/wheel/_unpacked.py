"""A wheel that lies unpacked: judged again, by all that depends on what is around it.

Archive, paths and RECORD were judged when it was let in, and its files are held
against the hashes that were taken then, each time one is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._layout import Area, top_parts
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._metadata import dist_info_of
from lockgate_marketplace.wheel._names import WheelName
from lockgate_marketplace.wheel._surroundings import Surroundings
from lockgate_marketplace.wheel._wheel import Member, Wheel
from lockgate_marketplace.wheel._words import read_words

__all__ = ["Unpacked", "judge_unpacked"]

Place = tuple[Area, str]


@dataclass(frozen=True)
class Unpacked(Mapping[Place, bytes]):
    """Files by their places; each is read when it is asked for.

    `read` gives a member's bytes, and raises if they are not those of its hash.
    """

    members: Sequence[Member]
    read: Callable[[Member], bytes]
    _by_place: dict[Place, Member] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        places = {(member.area, member.path): member for member in self.members}
        object.__setattr__(self, "_by_place", places)

    def __getitem__(self, place: Place) -> bytes:
        return self.read(self._by_place[place])

    def __iter__(self) -> Iterator[Place]:
        return iter(self._by_place)

    def __len__(self) -> int:
        return len(self._by_place)

    def site(self) -> list[str]:
        """The paths below site."""
        return [member.path for member in self.members if member.area == "site"]

    def at(self, path: str, limit: int, code: str) -> bytes | None:
        """The bytes of the file at `path` below site, None if it is not there.

        Raises:
            WheelError: `code` if there are more than `limit`.
        """
        member = self._by_place.get(("site", path))
        if member is None:
            return None
        if member.size > limit:
            message = f"{member.size:,} bytes (limit {limit:,})"
            raise WheelError(code, message, where=path)
        return self.read(member)


@dataclass(frozen=True, slots=True)
class _Placed:
    """`Files`: with the metadata folder."""

    files: Unpacked
    dist_info: str

    def site(self) -> list[str]:
        return self.files.site()

    def at(self, path: str, limit: int, code: str) -> bytes | None:
        return self.files.at(path, limit, code)


def judge_unpacked(
    files: Unpacked, name: WheelName, sha256: str, around: Surroundings
) -> Wheel:
    """The wheel that was let in before and lies unpacked; `sha256` is its file's.

    Raises:
        WheelError: If it does not fit into what is around it, with its code.
    """
    try:
        around.target.check_tags(name)
        info = f"{dist_info_of(top_parts(files.site()), name)}.dist-info"
        said = read_words(_Placed(files, info), name, Limits(), around)
    except WheelError as error:
        error.where = ": ".join(filter(None, (name.filename, error.where)))
        raise
    return Wheel(
        name=name.name,
        version=name.version,
        filename=name.filename,
        sha256=sha256,
        size=0,
        metadata=said.metadata,
        requires_dist=said.requires_dist,
        requires_python=said.requires_python,
        entry_points=said.entry_points,
        manifest=said.manifest,
        manifest_path=said.manifest_path,
        dist_info=info,
        members=tuple(files.members),
        modules=said.modules,
        _data=b"",
        _entries={},
        _made=files,
    )

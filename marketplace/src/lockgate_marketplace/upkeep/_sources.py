"""Which installed distribution is meant, and which index it is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name

from lockgate.installed import Installed
from lockgate_marketplace.identity import Pin
from lockgate_marketplace.lock import index_recorded
from lockgate_marketplace.sources import Index, Sources

__all__ = ["entries_named", "index_to_ask"]


def entries_named(name: str, entries: Iterable[Installed]) -> tuple[Installed, ...]:
    """Those whose distribution, or one of whose plugins, `name` is."""
    key = canonicalize_name(name)
    return tuple(e for e in entries if name in e.plugins or key == e.distribution)


def index_to_ask(entry: Installed, pins: Sequence[Pin], sources: Sources) -> Index:
    """The index for the next release of `entry`: where it came from, if that holds.

    It came from the index that the store recorded, if a pin says so too.

    A lock can have written the one, and what comes along with another plugin the
    other: neither alone says where to look for the next release.

    What came from a file, or from an index that is configured no more, is asked of
    the index that answers for its name now.

    Raises:
        SourceError: If none does, or the name's prefix belongs to another by now.
    """
    name, said = entry.distribution, index_recorded(entry)
    known = {p.index for p in pins if p.name == name and p.index in sources.indexes}
    return sources.bind(name, said if said in known else "")

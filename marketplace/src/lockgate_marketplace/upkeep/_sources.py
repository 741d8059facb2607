"""Which installed distribution is meant, and which index it is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name

from lockgate.installed import Installed
from lockgate_marketplace.identity import Pin
from lockgate_marketplace.sources import Index, Sources

__all__ = ["entries_named", "index_of"]


def entries_named(name: str, entries: Iterable[Installed]) -> tuple[Installed, ...]:
    """Those whose distribution, or one of whose plugins, `name` is."""
    key = canonicalize_name(name)
    return tuple(e for e in entries if name in e.plugins or key == e.distribution)


def index_of(
    distribution: str, version: str, pins: Sequence[Pin], sources: Sources
) -> Index:
    """The index that an installed version came from, as the pins tell.

    What came from a file, or from an index that is configured no more, is asked of
    the index that answers for its name now.

    Raises:
        SourceError: If none does, or the name's prefix belongs to another by now.
    """
    known = [p for p in pins if p.name == distribution and p.index in sources.indexes]
    came = [p for p in known if p.version == version] or known
    names = {pin.index for pin in came}
    return sources.bind(distribution, names.pop() if len(names) == 1 else "")

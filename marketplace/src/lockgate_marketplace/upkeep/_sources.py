"""Which installed distribution is meant, and which index it is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name

from lockgate.discovery import PluginState
from lockgate.errors import LockgateError, NotInStoreError, UnknownPluginError
from lockgate.installed import Installed
from lockgate_marketplace.identity import Pin
from lockgate_marketplace.lock import index_recorded
from lockgate_marketplace.sources import Index, Sources

__all__ = ["entries_named", "entries_to_upgrade", "index_to_ask"]


def entries_named(name: str, entries: Iterable[Installed]) -> tuple[Installed, ...]:
    """Those whose distribution, or one of whose plugins, `name` is."""
    key = canonicalize_name(name)
    return tuple(e for e in entries if name in e.plugins or key == e.distribution)


def entries_to_upgrade(
    names: Iterable[str], entries: Sequence[Installed], present: Sequence[PluginState]
) -> tuple[Installed, ...]:
    """Those that `names` mean, each once; `present` is all that is installed.

    Raises:
        UnknownPluginError: If nothing of a name is installed.
        NotInStoreError: If it was installed in another way.
    """
    found: dict[str, Installed] = {}
    for name in names:
        mine = entries_named(name, entries)
        if not mine:
            raise _not_in_store(name, present)
        found.update((entry.distribution, entry) for entry in mine)
    return tuple(found.values())


def _not_in_store(name: str, present: Sequence[PluginState]) -> LockgateError:
    # What is of the store, and in none of its entries, was uninstalled just now.
    for state in present:
        if name in (state.name, state.distribution) and not state.stored:
            hint = "Upgrade it with the tool that installed it."
            return NotInStoreError(name, where=state.location, hint=hint)
    known = [state.name for state in present if state.name != name]
    return UnknownPluginError(name, known=known)


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

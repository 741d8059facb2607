"""The plugins of the store: an environment for each, one index over all of them.

The store's folders never change once they are there, and what is in force is named by
one small file. So a single index, kept with the stamps of the store's own folder, of
that file, and of each plugin's own, tells that nothing has changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate._store_place import StorePlace
from lockgate._text.files import stamp_fresh
from lockgate.discovery import _index
from lockgate.discovery._environments import placed
from lockgate.discovery._index_format import Depends, Found, Stored
from lockgate.discovery._scan import scan_folder
from lockgate.discovery._search import Before, Search
from lockgate.discovery._state import PluginState

if TYPE_CHECKING:
    from lockgate.installed import Generation, Installed, StoreFolder

__all__ = ["search_store"]

_MENDS = "`lockgate verify` says more; `lockgate sync` or a new install mends it."


def search_store(data_dir: str, cache_dir: str) -> Search:
    """The plugins of the generation that is in force.

    Raises:
        InstalledError: If the store is not sound, or others may write to it.
    """
    place = StorePlace(data_dir)
    place.check()
    return Search(
        (place.root,),
        lambda known: _look(data_dir, known),
        key=_index.key_of((place.root,), ("store",)),
        cache_dir=cache_dir,
    )


def _look(data_dir: str, known: Stored | None) -> Found:
    """What the generation in force names; what `known` still holds is kept.

    No lock is taken. Where another process has put a generation in force meanwhile,
    what the former one named may have been collected: it is looked for again.
    """
    from lockgate.installed import StoreFolder

    store = StoreFolder(data_dir)
    while True:
        generation = store.read()
        found = _found(store, generation, known)
        if store.current() == generation.number:
            return found


def _found(store: StoreFolder, generation: Generation, known: Stored | None) -> Found:
    started = time.time_ns()
    root = store.root
    before = Before((root,), known)
    found = Found()
    # Since a rename into a folder changes its stamp, a switch shows in the root's.
    found.marks[root] = stamp_fresh(root, started)
    found.memos[root] = {}
    own = [store.pointer, store.file(generation.number)]
    shared = [f"{root}/wheels", f"{root}/merged"]
    on = _index.fresh([*own, *shared], started)
    found.add(root, [], store.pointer, on, early=own)
    for entry in generation.entries:
        _add(found, entry, root, before, started)
    return found


def _add(
    found: Found, entry: Installed, root: str, before: Before, started: int
) -> None:
    folders = entry.folders(root)
    site = folders[0]
    gone = [folder for folder in folders if not os.path.isdir(folder)]  # noqa: PTH112
    scanned, _ = scan_folder(site, {}, started)
    mine = [one for one in scanned if one.name == entry.distribution]
    for one in mine:
        states, on = before.kept(one.folder)
        if gone or not _stays(states, on, folders):
            from lockgate.discovery._resolve import resolve

            resolved, files = resolve(one)
            states = placed(entry.distribution, folders, folders, resolved)
            on = _index.fresh([site, *files], started)
        states = [_stored(state, entry.since, gone) for state in states]
        found.add(root, states, one.folder, on)
    if not mine:
        lost = PluginState(
            (entry.plugins or (entry.distribution,))[0],
            entry.version,
            entry.distribution,
            site,
            environment=folders,
        )
        state = _stored(lost, entry.since, gone or [site])
        found.add(root, [state], site, _index.fresh([site], started))


def _stays(
    states: Sequence[PluginState], on: Depends, folders: tuple[str, ...]
) -> bool:
    """Whether what was known of a location is still all there is to know."""
    return bool(on) and all(
        state.environment == folders and state.state != "broken" for state in states
    )


def _stored(state: PluginState, since: int, gone: Sequence[str]) -> PluginState:
    state = replace(state, stored=True, since=since)
    if gone:
        return state.with_state("broken", f"{gone[0]} is gone from the store", _MENDS)
    return state

"""Discovery: which plugins are installed, found without running any of them.

`discover` looks through the folders of a search path for distributions with an
entry point in the group ``lockgate.manifest`` (or a classic one), reads their
manifests as files, and returns every candidate as a `PluginState`: a broken,
hostile or half-deleted distribution is a state with a reason, never an error.

A stored index (`lockgate.discovery._index`) makes the common case, nothing has
changed, a matter of a few hundred ``stat`` calls. It is exact: a distribution
added, removed or replaced and any changed file of a known plugin is seen at the
next call, also within one second.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lockgate.discovery import _index
from lockgate.discovery._files import ABSENT, stamp_fresh
from lockgate.discovery._relations import relate, unshadow
from lockgate.discovery._scan import Memo, scan_folder, search_folders
from lockgate.discovery._state import PluginState, StateName

__all__ = ["Discovery", "PluginState", "StateName", "discover", "index_files"]


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found.

    `folders` are the search path's folders that exist, which is what a worker
    may import from. `index` tells how the stored index fared: ``used``,
    ``rebuilt`` (`index_note` says why) or ``off``.
    """

    plugins: tuple[PluginState, ...]
    folders: tuple[str, ...]
    index: str
    index_file: str
    index_note: str

    def get(self, name: str) -> PluginState | None:
        """The plugin called `name`; of several claims the first."""
        return next((state for state in self.plugins if state.name == name), None)


def index_files(cache_dir: str) -> dict[str, str]:
    """Every stored index in `cache_dir`, and why it is not believed (or ``""``)."""
    return {path: _index.trouble(path) for path in _index.stored(cache_dir)}


def discover(
    search_path: Sequence[str] | None = None,
    *,
    cache_dir: str = "",
    plugin_folders: Sequence[str] = (),
    disabled: Collection[str] = (),
) -> Discovery:
    """Find every plugin; execute nothing.

    `search_path` is ``sys.path`` if not given. `plugin_folders` hold plugins that
    are single ``.py`` files. Without `cache_dir` no index is kept.
    """
    folders = search_folders(sys.path if search_path is None else search_path)
    single = search_folders(plugin_folders)
    search = [*folders, "", *single]
    stored = _index.load(cache_dir, search) if cache_dir else "is off"
    if isinstance(stored, _index.Index) and stored.holds():
        outcome, note, index = "used", "", stored
    else:
        known = stored if isinstance(stored, _index.Index) else None
        note = "something changed" if isinstance(stored, _index.Index) else stored
        index = _look(folders, single, search, known)
        outcome = "rebuilt" if cache_dir else "off"
        if cache_dir:
            note = _index.save(cache_dir, index) or note
    present = tuple(f for f in folders if index.folders.get(f, ABSENT) != ABSENT)
    file = _index.index_path(cache_dir, index.key) if cache_dir else ""
    plugins = relate(unshadow(index.states), disabled)
    return Discovery(plugins, present, outcome, file, note)


def _look(
    folders: Sequence[str],
    single: Sequence[str],
    search: Sequence[str],
    known: _index.Index | None,
) -> _index.Index:
    """Scan the folders; what `known` still holds of a candidate is kept."""
    import json

    started = time.time_ns()
    memos: dict[str, Memo] = known.memos() if known else {}
    depends = known.depends() if known else {}
    before: dict[str, list[PluginState]] = {}
    for state in known.states if known else ():
        before.setdefault(state.location, []).append(state)
    index = _index.Index(_index.full_key(search))
    new_memos: dict[str, Memo] = {}
    for folder in folders:
        index.folders[folder] = stamp_fresh(folder, started)
        distributions, memo = scan_folder(folder, memos.get(folder, {}), started)
        if memo:
            new_memos[folder] = memo
        for distribution in distributions:
            where = distribution.folder
            if where in depends and _index.unchanged(depends[where]):
                index.add(before.get(where, []), where, depends[where])
                continue
            from lockgate.discovery._resolve import resolve

            states, files = resolve(distribution)
            index.add(states, where, _index.fresh(files, started))
    for folder in single:
        index.folders[folder] = stamp_fresh(folder, started)
        for path in _single_files(folder):
            from lockgate.discovery._resolve import resolve_file

            index.add([resolve_file(path)], path, _index.fresh([path], started))
    index.memo_line = json.dumps(new_memos, separators=(",", ":")).encode("ascii")
    return index


def _single_files(folder: str) -> list[str]:
    """The modules in a plugin folder; private ones are somebody's helpers."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
    return [
        f"{folder}/{name}"
        for name in names
        if name.endswith(".py") and not name.startswith(("_", "."))
    ]

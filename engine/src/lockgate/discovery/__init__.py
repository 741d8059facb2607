"""Discovery: which plugins are installed, found without running any of them.

`discover` looks through the folders of a search path for distributions with an
entry point in the group ``lockgate.manifest`` (or a classic one), reads their
manifests as files, and returns every candidate as a `PluginState`: a broken,
hostile or half-deleted distribution is a state with a reason, never an error.

A stored index (`lockgate.discovery._index`) makes the common case, nothing has
changed, a matter of a ``stat`` for each plugin's name and two more for the state it
is in. It is exact: a distribution added, removed or replaced and any changed file of
a known plugin is seen at the next call, also within one second. Each question is
answered by a look at what the answer rests on: names on entry points, states on
every file that discovery read.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from lockgate.choice import NO_CHOICE, Choice
from lockgate.discovery import _index
from lockgate.discovery._environments import import_path, placed
from lockgate.discovery._files import ABSENT, stamp_fresh
from lockgate.discovery._index_format import Depends, Found, Stored, encode
from lockgate.discovery._relations import relate, unshadow
from lockgate.discovery._scan import Memo, scan_folder, search_folders
from lockgate.discovery._state import PluginState, StateName

if TYPE_CHECKING:
    from lockgate._hook_order import HookOrder

__all__ = ["Discovery", "PluginState", "StateName", "discover", "index_files"]

_NO_ORDERS: Mapping[str, HookOrder] = MappingProxyType({})
_SHARED: Mapping[str, Sequence[str]] = MappingProxyType({})

_Relate = Callable[[list[PluginState]], tuple[PluginState, ...]]
"""The candidates, with the configuration and their relations applied."""


class Discovery:
    """What was found.

    `folders` are the search path's folders that exist, which is what a worker
    may import from. `names` are the plugins' names in the order of `plugins`, as
    they were when `discover` was called: to know only these costs neither a look at
    each plugin's files nor any decoding. `index` tells how the stored index fared:
    ``used``, ``rebuilt`` (`index_note` says why) or ``off``.
    """

    __slots__ = (
        "_found",
        "folders",
        "index",
        "index_file",
        "index_note",
        "names",
    )

    def __init__(
        self,
        found: tuple[PluginState, ...] | Callable[[Discovery], tuple[PluginState, ...]],
        *,
        names: tuple[str, ...],
        folders: tuple[str, ...],
        index: str,
        index_file: str = "",
        index_note: str = "",
    ) -> None:
        self._found = found
        self.names = names
        self.folders = folders
        self.index = index
        self.index_file = index_file
        self.index_note = index_note

    @property
    def plugins(self) -> tuple[PluginState, ...]:
        """Every candidate, by name, with the configuration applied.

        The states that they are in when this is first asked for.
        """
        if callable(self._found):
            self._found = self._found(self)
        return self._found

    def get(self, name: str) -> PluginState | None:
        """The plugin called `name`; of several claims the first."""
        if name not in self.names:
            return None
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
    hooks: Mapping[str, HookOrder] = _NO_ORDERS,
    choice: Choice = NO_CHOICE,
    environments: Mapping[str, Sequence[str]] = _SHARED,
) -> Discovery:
    """Find every plugin; execute nothing.

    `search_path` is ``sys.path`` if not given. `plugin_folders` hold plugins that
    are single ``.py`` files; `disabled` and `hooks` are the owner's settings of
    these names, `choice` says which plugins are used. `environments` names
    distributions that are looked for in folders of their own (or in a virtual
    environment's), before the search path. Without `cache_dir` no index is kept.
    """
    folders = search_folders(sys.path if search_path is None else search_path)
    single = search_folders(plugin_folders)

    apart = [
        state
        for name, given in environments.items()
        for state in _apart(name, given, cache_dir)
    ]

    def related(states: list[PluginState]) -> tuple[PluginState, ...]:
        return relate(unshadow([*apart, *states]), disabled, hooks, choice)

    if not cache_dir:
        return _looked(_look(folders, single, None), folders, related, "off")
    found = _Search(folders, single, related, cache_dir).run()
    if apart:  # which the index of the search path knows nothing of
        found.names = tuple(state.name for state in found.plugins)
    return found


def _apart(name: str, given: Sequence[str], cache_dir: str) -> list[PluginState]:
    """The candidates of the distribution `name`, which has folders to itself."""
    folders = search_folders(import_path(given))
    if cache_dir:
        states = list(_Search(folders, (), tuple, cache_dir).run().plugins)
    else:
        states = _look(folders, (), None).states
    return placed(name, given, folders, states)


class _Search:
    """One search path, with the file that its index is stored in."""

    __slots__ = ("_folders", "_key", "_path", "_related", "_search", "_single")

    def __init__(
        self,
        folders: tuple[str, ...],
        single: tuple[str, ...],
        related: _Relate,
        cache_dir: str,
    ) -> None:
        self._folders = folders
        self._single = single
        self._related = related
        self._search = tuple(dict.fromkeys((*folders, *single)))
        self._key = _index.key_of(folders, single)
        self._path = _index.index_path(cache_dir, self._key)

    def run(self) -> Discovery:
        """What the stored index says, if it holds; else what a look finds."""
        stored = _index.load(self._path, self._key)
        if isinstance(stored, str):
            return self._rebuilt(None, stored)
        try:
            if _index.holds(stored, self._search):
                return self._used(stored)
        except _index.DAMAGE as error:
            return self._rebuilt(None, f"is damaged ({type(error).__name__})")
        return self._rebuilt(stored, "something changed")

    def _rebuilt(self, known: Stored | None, note: str) -> Discovery:
        found = _look(self._folders, self._single, known)
        looked = _looked(found, self._folders, self._related, "rebuilt")
        looked.index_file = self._path
        content = encode(self._key, found, looked.names)
        looked.index_note = _index.save(self._path, content) or note
        return looked

    def _used(self, stored: Stored) -> Discovery:
        """What the stored index says, decoded when it is asked for."""

        def read(used: Discovery) -> tuple[PluginState, ...]:
            known, note = None, "was lost or replaced"
            try:
                if _index.holds_within(stored, self._search):
                    return self._related(stored.states())
                known, note = stored, "something changed"
            except _index.DAMAGE:
                pass
            now = self._rebuilt(known, note)
            used.names, used.index = now.names, now.index
            used.index_note = now.index_note
            return now.plugins

        marks = zip(self._folders, stored.folder_marks(), strict=False)
        return Discovery(
            read,
            names=stored.names,
            folders=tuple(folder for folder, mark in marks if mark != ABSENT),
            index="used",
            index_file=self._path,
        )


def _looked(
    found: Found, folders: Sequence[str], related: _Relate, index: str
) -> Discovery:
    """What was found just now."""
    plugins = related(found.states)
    present = tuple(f for f in folders if found.marks.get(f, ABSENT) != ABSENT)
    names = tuple(state.name for state in plugins)
    return Discovery(plugins, names=names, folders=present, index=index)


def _look(folders: Sequence[str], single: Sequence[str], known: Stored | None) -> Found:
    """Scan the folders; what `known` still holds of a candidate is kept."""
    started = time.time_ns()
    before = _Before(tuple(dict.fromkeys((*folders, *single))), known)
    found = Found()
    for folder in folders:
        found.marks[folder] = stamp_fresh(folder, started)
        memo = before.memos.get(folder, {})
        distributions, found.memos[folder] = scan_folder(folder, memo, started)
        for distribution in distributions:
            where = distribution.folder
            states, on = before.kept(where)
            if not on:
                from lockgate.discovery._resolve import resolve

                states, files = resolve(distribution)
                on = _index.fresh(files, started)
            found.add(folder, states, where, on)
    for folder in single:
        found.marks[folder] = stamp_fresh(folder, started)
        for path in _single_files(folder):
            from lockgate.discovery._resolve import resolve_file

            on = _index.fresh([path], started)
            found.add(folder, [resolve_file(path)], path, on)
    return found


class _Before:
    """What an index that no longer holds as a whole still holds in parts."""

    def __init__(self, search: Sequence[str], known: Stored | None) -> None:
        self.memos: dict[str, Memo] = {}
        self._depends: dict[str, Depends] = {}
        self._states: dict[str, list[PluginState]] = {}
        try:
            if known is not None:
                memos, depends, states = (
                    known.memos(),
                    known.depends(search),
                    known.states(),
                )
                self.memos, self._depends = memos, depends
                for state in states:
                    self._states.setdefault(state.location, []).append(state)
        except _index.DAMAGE:
            return

    def kept(self, location: str) -> tuple[list[PluginState], Depends]:
        """The candidates at `location` and what they rest on, if all of it stayed."""
        on = self._depends.get(location, {})
        if not on or not _index.unchanged(on):
            return [], {}
        return self._states.get(location, []), on


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

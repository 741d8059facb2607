"""One search of discovery: folders, what lies in them, and the index of that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from lockgate._text.files import ABSENT, check_exhausted, stamp_fresh
from lockgate.discovery import _index
from lockgate.discovery._entry_points import OURS, Wanted
from lockgate.discovery._index_format import Depends, Found, Stored, encode
from lockgate.discovery._relations import unshadow
from lockgate.discovery._scan import Distribution, Memo, scan_folder
from lockgate.discovery._state import PluginState

__all__ = ["Before", "Resolve", "Search", "look"]

Resolve: TypeAlias = Callable[[Distribution], tuple[list[PluginState], list[str]]]
"""The candidates of a distribution, and the files they depend on."""


class Search:
    """What lies in `folders`, from the stored index if that holds.

    `look` finds it out anew; what it is handed is an index that no longer holds as a
    whole. Without `cache_dir` no index is kept. `names` are those of the plugins as
    they were when this was made; to know only these decodes nothing.
    """

    __slots__ = (
        "_folders",
        "_key",
        "_look",
        "_states",
        "_stored",
        "index",
        "index_file",
        "index_note",
        "names",
        "present",
    )

    def __init__(
        self,
        folders: Sequence[str],
        look: Callable[[Stored | None], Found],
        *,
        key: bytes,
        cache_dir: str,
    ) -> None:
        self._folders = folders
        self._key = key
        self._look = look
        self._states: list[PluginState] | None = None
        self._stored: Stored | None = None
        self.names: tuple[str, ...] = ()
        self.present: tuple[str, ...] = ()
        self.index = "off"
        # Of no folders nothing can be known, and nothing need be kept.
        kept = cache_dir if folders else ""
        self.index_file = _index.index_path(kept, key) if kept else ""
        self.index_note = ""
        stored = _index.load(self.index_file, key) if kept else ""
        if isinstance(stored, str):
            self._rebuild(None, stored)
            return
        try:
            if _index.holds(stored, folders):
                self._use(stored)
                return
        except _index.DAMAGE as error:
            self._rebuild(None, f"is damaged ({type(error).__name__})")
            return
        self._rebuild(stored, "something changed")

    def states(self) -> list[PluginState]:
        """Every candidate, before the configuration is applied, as it is now."""
        if self._states is None:
            self._states = self._decoded()
        return self._states

    def _use(self, stored: Stored) -> None:
        self.index = "used"
        self._stored = stored
        self.names = stored.names
        marks = zip(self._folders, stored.folder_marks(), strict=False)
        self.present = tuple(folder for folder, mark in marks if mark != ABSENT)

    def _rebuild(self, known: Stored | None, note: str) -> list[PluginState]:
        found = self._look(known)
        self._states = found.states
        self.names = tuple(sorted(state.name for state in unshadow(found.states)))
        self.present = tuple(f for f, mark in found.marks.items() if mark != ABSENT)
        if self.index_file:
            self.index = "rebuilt"
            content = encode(self._key, found, self.names)
            self.index_note = _index.save(self.index_file, content) or note
        return found.states

    def _decoded(self) -> list[PluginState]:
        """What the stored index says, unless something changed since."""
        known, note = None, "was lost or replaced"
        if self._stored is not None:
            try:
                if _index.holds_within(self._stored, self._folders):
                    return self._stored.states()
                known, note = self._stored, "something changed"
            except _index.DAMAGE:
                pass
        return self._rebuild(known, note)


def look(
    folders: Sequence[str],
    single: Sequence[str],
    known: Stored | None,
    wanted: Wanted = OURS,
    resolve: Resolve | None = None,
) -> Found:
    """Scan the folders; what `known` still holds of a candidate is kept.

    `resolve` makes candidates of a distribution with `wanted` entry points.
    """
    started = time.time_ns()
    before = Before(tuple(dict.fromkeys((*folders, *single))), known)
    found = Found()
    for folder in folders:
        found.marks[folder] = stamp_fresh(folder, started)
        memo = before.memos.get(folder, {})
        distributions, found.memos[folder] = scan_folder(folder, memo, started, wanted)
        for distribution in distributions:
            where = distribution.folder
            states, on = before.kept(where)
            if not on:
                states, files = (resolve or _resolve)(distribution)
                on = _index.fresh(files, started)
            found.add(folder, states, where, on)
    for folder in single:
        found.marks[folder] = stamp_fresh(folder, started)
        for path in _single_files(folder):
            from lockgate.discovery._resolve import resolve_file

            on = _index.fresh([path], started)
            found.add(folder, [resolve_file(path)], path, on)
    return found


def _resolve(distribution: Distribution) -> tuple[list[PluginState], list[str]]:
    from lockgate.discovery._resolve import resolve

    return resolve(distribution)


class Before:
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
    except OSError as error:
        check_exhausted(error, folder)
        return []
    return [
        f"{folder}/{name}"
        for name in names
        if name.endswith(".py") and not name.startswith(("_", "."))
    ]

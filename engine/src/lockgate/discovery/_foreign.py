"""Plugins of foreign ecosystems: found by their own entry-point groups, unmodified.

An adapter's manifest says which groups these are and what drives their plugins. They
are strangers that never heard of lockgate, so they are looked for only where the
owner names the ecosystem (the setting `bridges`), and run at tier read-only. A
distribution's entry points of one ecosystem together are one plugin, called
``ECOSYSTEM.DISTRIBUTION``: no manifest can claim a name with a dot in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate._installer import pip_command
from lockgate.discovery import _index
from lockgate.discovery._entry_points import EntryPoint, Wanted
from lockgate.discovery._scan import Distribution
from lockgate.discovery._search import Search, look
from lockgate.discovery._state import PluginState

if TYPE_CHECKING:
    from lockgate.manifest import Adapter

__all__ = ["bridged", "unnamed"]

_ENTRIES_MAXIMUM = 1024
"""Of one distribution: a package of styles has hundreds."""

_NAME_LIMIT_CHARS = 128
_REINSTALL = "Install the distribution again, or uninstall it."


def bridged(
    states: Iterable[PluginState],
    bridges: Sequence[str],
    folders: Sequence[str],
    cache_dir: str,
) -> list[PluginState]:
    """The plugins of the ecosystems `bridges` in `folders`.

    Adapters are those among `states`. An ecosystem that none of them knows is a broken
    state.
    """
    adapters = _adapters(states)
    foreign = _Foreign(tuple(one for e, one in adapters.items() if e in bridges))
    lacking = _unbridged(foreign, bridges)
    if not foreign.adapters:
        return lacking
    found = _search(foreign, folders, cache_dir)
    return [*lacking, *_without_plugins(foreign, found), *found]


def unnamed(
    states: Iterable[PluginState], bridges: Sequence[str], folders: Sequence[str]
) -> dict[str, list[str]]:
    """By ecosystem, the distributions in `folders` that an adapter could drive.

    Of the ecosystems that the owner does not name in `bridges`.
    """
    adapters = _adapters(states)
    foreign = _Foreign(tuple(one for e, one in adapters.items() if e not in bridges))
    there: dict[str, list[str]] = {}
    if foreign.adapters:
        for state in _search(foreign, folders, cache_dir=""):
            if state.state == "foreign":
                ecosystem = state.name.partition(".")[0]
                there.setdefault(ecosystem, []).append(state.distribution)
    return there


def _search(
    foreign: _Foreign, folders: Sequence[str], cache_dir: str
) -> Sequence[PluginState]:
    return Search(
        folders,
        lambda known: look(
            folders, (), known, foreign.wanted, lambda found: _resolve(found, foreign)
        ),
        key=_index.key_of(folders, (), foreign.key),
        cache_dir=cache_dir,
    ).states()


@dataclass(frozen=True, slots=True)
class _Foreign:
    """What is looked for: adapters, each with the plugin that it belongs to."""

    adapters: tuple[tuple[str, Adapter], ...]

    @property
    def wanted(self) -> Wanted:
        """The groups of all adapters."""
        groups = [g for _, adapter in self.adapters for g in adapter.groups]
        return Wanted(
            frozenset(groups), tuple(g.encode() for g in groups), _ENTRIES_MAXIMUM
        )

    @property
    def key(self) -> str:
        """What an index of these plugins is good for."""
        return json.dumps(
            [
                (plugin, a.ecosystem, a.groups, a.kinds, a.driver)
                for plugin, a in self.adapters
            ]
        )


def _adapters(states: Iterable[PluginState]) -> dict[str, tuple[str, Adapter]]:
    """The adapter of each ecosystem, with the plugin that it belongs to, by name.

    Of several for one ecosystem the first-party one counts, else the first by name.
    An adapter in an environment of its own adapts nothing: what it drives is not there.
    """
    found: dict[str, tuple[str, Adapter]] = {}
    for state in sorted(states, key=_rank):
        if state.state != "ok" or "adapter" not in state.kinds or state.environment:
            continue
        manifest = state.manifest
        for adapter in manifest.adapters if manifest is not None else ():
            found.setdefault(adapter.ecosystem, (state.name, adapter))
    return {name: found[name] for name in sorted(found)}


def _rank(state: PluginState) -> tuple[bool, str]:
    return (not state.first_party, state.name)


def _unbridged(foreign: _Foreign, bridges: Sequence[str]) -> list[PluginState]:
    """A broken state for each ecosystem that the owner named and nothing adapts."""
    known = {adapter.ecosystem for _, adapter in foreign.adapters}
    return [
        PluginState(f"{name}.*").with_state(
            "broken",
            f"no usable adapter for {name!r} is installed",
            "Install one (lockgate-bridges has several), or take the name out of "
            "`bridges` in the settings.",
        )
        for name in dict.fromkeys(bridges)
        if name not in known
    ]


def _without_plugins(
    foreign: _Foreign, found: Iterable[PluginState]
) -> list[PluginState]:
    """A state for each ecosystem that is adapted and of which nothing is installed."""
    there = {state.name.partition(".")[0] for state in found}
    return [
        PluginState(f"{adapter.ecosystem}.*", kinds=adapter.kinds).with_state(
            "missing-requirement",
            f"no plugin of {adapter.ecosystem} is installed beside lockgate",
            f"Install some: {pip_command('install', 'NAME')}, or take "
            f"{adapter.ecosystem} out of `bridges` in the settings.",
        )
        for _, adapter in foreign.adapters
        if adapter.ecosystem not in there
    ]


def _resolve(
    found: Distribution, foreign: _Foreign
) -> tuple[list[PluginState], list[str]]:
    """The foreign plugins of one distribution, and the files they depend on."""
    watched = [found.folder, f"{found.folder}/entry_points.txt"]
    resolved = [
        _resolved(found, plugin, adapter, entries)
        for plugin, adapter in foreign.adapters
        if (entries := [e for e in found.entries if e.group in adapter.groups])
        or found.trouble
    ]
    for _, files in resolved:
        watched += files
    return [state for state, _ in resolved], watched


def _resolved(
    found: Distribution, plugin: str, adapter: Adapter, entries: list[EntryPoint]
) -> tuple[PluginState, list[str]]:
    from lockgate.discovery._resolve import placed_at

    folder = found.folder.rpartition("/")[0]
    state = PluginState(
        f"{adapter.ecosystem}.{found.name}"[:_NAME_LIMIT_CHARS],
        found.version,
        found.name,
        found.folder,
        kinds=adapter.kinds,
        path=(folder,),
        requires=(plugin,),
        entries=tuple((e.group, f"{e.name}={e.value}") for e in entries),
        driver=adapter.driver,
        summary=f"{len(entries)} entry points of {adapter.ecosystem}",
    )
    if found.trouble:
        return state.with_state("broken", found.trouble, _REINSTALL), []
    state = replace(
        state,
        state="foreign",
        reason=f"of {adapter.ecosystem}: driven by {plugin} at tier read-only, "
        "without rights",
    )
    return placed_at(state, entries[0].value)

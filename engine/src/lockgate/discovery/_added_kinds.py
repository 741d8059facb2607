"""Kinds that plugins add: who can do without.

A manifest is decoded only if it says that it adds a kind, or that it is of a kind
that is not built in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lockgate._manifest.kind_names import BUILT_IN
from lockgate.discovery._rightful import kinds_added
from lockgate.discovery._state import PluginState

if TYPE_CHECKING:
    from lockgate.kinds import AddedKind

__all__ = ["unknown_kinds"]


def _added(state: PluginState) -> tuple[AddedKind, ...]:
    return kinds_added(state) if state.usable else ()


def unknown_kinds(states: list[PluginState]) -> bool:
    """Mark plugins of a kind, or with a hook, that nothing usable adds; whether any."""
    foreign = [
        index
        for index, state in enumerate(states)
        if state.state == "ok" and not BUILT_IN.issuperset(state.kinds)
    ]
    if not foreign:
        return False
    kinds = {kind.name: kind for state in states for kind in _added(state)}
    adders = {kind.name: s.name for s in states for kind in _added(s)}
    changed = False
    for index in foreign:
        state = states[index]
        gone = [k for k in state.kinds if k not in BUILT_IN and k not in kinds]
        if gone:
            states[index] = _without_kind(state, gone, kinds)
        else:
            states[index] = _with_hooks(state, kinds, adders)
        changed |= states[index] is not state
    return changed


def _without_kind(
    state: PluginState, gone: list[str], kinds: Iterable[str]
) -> PluginState:
    from lockgate.errors import did_you_mean

    return state.with_state(
        "missing-requirement",
        f"is of the kind {', '.join(map(repr, gone))}, which no usable plugin adds",
        did_you_mean(gone[0], [*sorted(BUILT_IN), *kinds])
        or "Install the plugin that adds it; which one that is, is not known here.",
    )


def _with_hooks(
    state: PluginState, kinds: Mapping[str, AddedKind], adders: Mapping[str, str]
) -> PluginState:
    """The plugin, marked if it answers hooks that its kinds do not have, or not so."""
    from lockgate._specs.names import FREE, hook_kinds
    from lockgate.discovery._hook_versions import misfit_of_kinds

    manifest = state.manifest
    if manifest is None:
        return state
    added = {hook.name: hook for kind in kinds.values() for hook in kind.hooks}
    known = dict(hook_kinds())
    known.update((hook, kind.name) for kind in kinds.values() for hook in _names(kind))
    for impl in manifest.hooks:
        if known.get(impl.hook) not in state.kinds and impl.hook not in FREE:
            return state.with_state(
                "incompatible",
                f"none of its kinds ({', '.join(state.kinds)}) has a hook "
                f"{impl.hook!r}",
                "`lockgate hooks` lists the hooks of every kind.",
            )
        if impl.wrapper and impl.hook in added and added[impl.hook].stream:
            reason = f"wraps {impl.hook!r}, which gives a stream, and can't be wrapped"
            return state.with_state("incompatible", reason, "Leave the wrapper out.")
    found = misfit_of_kinds(manifest, kinds, adders)
    return state if found is None else state.with_state("incompatible", *found)


def _names(kind: AddedKind) -> list[str]:
    return [hook.name for hook in kind.hooks]

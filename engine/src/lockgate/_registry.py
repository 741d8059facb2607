"""The hooks of one host: the built-in ones, and those that its plugins add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lockgate._specs import HookSpec, specs

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.kinds import AddedKind

__all__ = ["adds_kinds", "hooks_added", "specs_of"]


def adds_kinds(state: PluginState) -> bool:
    """Whether a plugin adds kinds: told without decoding its manifest."""
    return '"added_kinds":' in state.manifest_text


def hooks_added(states: Iterable[PluginState]) -> dict[str, AddedKind]:
    """The kind of each hook that usable plugins add."""
    return {
        hook.name: kind
        for state in states
        if state.usable and adds_kinds(state) and state.manifest is not None
        for kind in state.manifest.added_kinds
        for hook in kind.hooks
    }


def specs_of(states: Iterable[PluginState]) -> Mapping[str, HookSpec]:
    """Every hook that a host of these plugins knows."""
    kinds = {kind.name: kind for kind in hooks_added(states).values()}
    if not kinds:
        return specs()
    from lockgate.kinds._specs import specs_with

    return specs_with(kinds.values())

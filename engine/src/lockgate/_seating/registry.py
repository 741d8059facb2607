"""The hooks of one host: the built-in ones, and those that its plugins add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lockgate._specs.spec import HookSpec, specs

if TYPE_CHECKING:
    from lockgate.config import Config
    from lockgate.discovery import PluginState
    from lockgate.errors import ConfigError
    from lockgate.kinds import AddedKind

__all__ = [
    "adders",
    "adds_kinds",
    "hooks_added",
    "kinds_added",
    "specs_of",
    "stray_orders",
]


def adds_kinds(state: PluginState) -> bool:
    """Whether a plugin adds kinds: told without decoding its manifest."""
    return '"added_kinds":' in state.manifest_text


def adders(states: Iterable[PluginState]) -> dict[str, PluginState]:
    """The usable plugin that adds each kind, by the kind's name."""
    return {
        kind.name: state
        for state in states
        if state.usable and adds_kinds(state) and state.manifest is not None
        for kind in state.manifest.added_kinds
    }


def kinds_added(states: Iterable[PluginState]) -> dict[str, AddedKind]:
    """The kinds that usable plugins add, by name."""
    return {
        kind.name: kind
        for state in states
        if state.usable and adds_kinds(state) and state.manifest is not None
        for kind in state.manifest.added_kinds
    }


def hooks_added(states: Iterable[PluginState]) -> dict[str, AddedKind]:
    """The kind of each hook that usable plugins add."""
    kinds = kinds_added(states).values()
    return {hook.name: kind for kind in kinds for hook in kind.hooks}


def stray_orders(
    config: Config, states: Iterable[PluginState]
) -> Iterator[ConfigError]:
    """What to say of each ``[hooks.NAME]`` of the settings that nobody adds.

    A plugin that is switched off or out of use still makes its hooks known.
    """
    wanted = [name for name in config.hooks if name not in specs()]
    if not wanted:
        return
    known = {
        hook.name
        for state in states
        if adds_kinds(state) and state.manifest is not None
        for kind in state.manifest.added_kinds
        for hook in kind.hooks
    }
    for name in wanted:
        if name not in known:
            from lockgate._settings.read import no_hook
            from lockgate.errors import did_you_mean

            way = "Install the plugin that adds it, or take the table out."
            yield no_hook(name, config.origins, did_you_mean(name, known) or way)


def specs_of(states: Iterable[PluginState]) -> Mapping[str, HookSpec]:
    """Every hook that a host of these plugins knows."""
    kinds = kinds_added(states)
    if not kinds:  # and then no schema needs to be read
        return specs()
    from lockgate.kinds._specs import specs_with

    return specs_with(kinds.values())

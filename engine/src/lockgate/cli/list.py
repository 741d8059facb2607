"""``lockgate list``: every plugin that is installed, in the state it is in."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate._manifest.kind_names import WITH_HOOKS
from lockgate._store_place import StorePlace
from lockgate.cli._output import (
    Color,
    one_line,
    print_json,
    print_lines,
    print_table,
    print_warning,
)
from lockgate.cli._session import Subparsers, present, settings
from lockgate.discovery import PluginState
from lockgate.granting import effective_tier

if TYPE_CHECKING:
    from lockgate._record.lifecycle import Lifecycle
    from lockgate.config import Config
    from lockgate.installed import Staged

__all__ = ["add", "life_of", "run", "tier_in_words"]

STATE_COLORS: dict[str, Color] = {
    "ok": "green",
    "legacy": "blue",
    "foreign": "blue",
    "disabled": "dim",
    "pinned": "yellow",
    "quarantined": "red",
    "shadowed": "dim",
    "broken": "red",
    "duplicate": "red",
    "incompatible": "yellow",
    "conflict": "yellow",
    "missing-requirement": "yellow",
}


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "List the installed plugins. No plugin is imported."
    parser = subparsers.add_parser("list", description=about)
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="KIND",
        help=f"only plugins of this kind: {', '.join(WITH_HOOKS)}, or an added one",
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        choices=[*STATE_COLORS],
        metavar="STATE",
        help=f"only plugins in this state: {', '.join(STATE_COLORS)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the plugins. A broken plugin is a row, not a failure: status 0.

    Raises:
        UsageError: If a kind is neither built in nor any plugin's.
    """
    config = settings(args)
    found = present(config, safe=args.safe)
    _check_kinds(args.kind, found)
    staged = _staged(config)
    plugins = [plugin for plugin in found if _wanted(plugin, args)]
    if args.json:
        lives = [life_of(plugin, config) for plugin in plugins]
        pairs = zip(plugins, lives, strict=True)
        rows = [
            {
                **p.to_dict(),
                "effective-tier": effective_tier(p, config),
                "lifecycle": life.to_dict(),
                "staged": one.to_dict() if (one := _aside(p, staged)) else None,
            }
            for p, life in pairs
        ]
        print_json({"plugins": rows})
        return 0
    if not plugins:
        print_lines(["No plugins found."])
        return 0
    print_table(
        ["name", "version", "kinds", "tier", "state", "about"],
        [_row(plugin, config) for plugin in plugins],
        colors=STATE_COLORS,
    )
    for plugin in plugins:
        if one := _aside(plugin, staged):
            told = f"{plugin.name} {one.entry.version} is staged"
            print_lines([one_line(f"{told}: it asks for {', '.join(one.asks)}")])
    return 0


def _staged(config: Config) -> Mapping[str, Staged]:
    """What waits for its owner's consent, by distribution."""
    if not os.path.lexists(StorePlace(config.data_dir).staged_file):  # as it mostly is
        return {}
    from lockgate.errors import InstalledError
    from lockgate.installed import StoreFolder

    try:
        waiting = StoreFolder(config.data_dir).staged()
    except InstalledError as error:
        print_warning(error)
        return {}
    return {one.entry.distribution: one for one in waiting}


def _aside(plugin: PluginState, staged: Mapping[str, Staged]) -> Staged | None:
    return staged.get(plugin.distribution) if plugin.stored else None


def _check_kinds(wanted: Sequence[str], plugins: Sequence[PluginState]) -> None:
    known = {*WITH_HOOKS, *(kind for plugin in plugins for kind in plugin.kinds)}
    if known.issuperset(wanted):
        return
    from lockgate._seating.registry import hooks_added
    from lockgate.errors import UsageError, did_you_mean

    known.update(kind.name for kind in hooks_added(plugins).values())
    for kind in wanted:
        if kind not in known:
            hint = did_you_mean(kind, known) or f"Known: {', '.join(sorted(known))}."
            raise UsageError(f"there is no kind named {kind!r}", hint=hint)


def life_of(plugin: PluginState, config: Config) -> Lifecycle:
    """How far a plugin comes, since when, and why no farther."""
    from lockgate._record.lifecycle import lifecycle_of

    if plugin.state != "quarantined":
        return lifecycle_of(plugin)
    from lockgate._record.quarantine import QuarantineFolder

    record = QuarantineFolder(config.state_dir).read(plugin.name)
    return lifecycle_of(plugin, record.at if record is not None else "")


def _wanted(plugin: PluginState, args: argparse.Namespace) -> bool:
    kinds: list[str] = args.kind
    states: list[str] = args.state
    return (not kinds or any(kind in plugin.kinds for kind in kinds)) and (
        not states or plugin.state in states
    )


def tier_in_words(plugin: PluginState, config: Config) -> str:
    """The tier that its worker would run at, and which it asks for if that differs."""
    now = effective_tier(plugin, config)
    return now if now == plugin.tier else f"{now} (asks for {plugin.tier})"


def _row(plugin: PluginState, config: Config) -> list[str]:
    about = plugin.summary if plugin.state == "ok" else plugin.reason
    kinds = ",".join(plugin.kinds) or "-"
    tier = tier_in_words(plugin, config) if plugin.usable else "-"
    return [plugin.name, plugin.version or "-", kinds, tier, plugin.state, about]

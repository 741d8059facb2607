"""``lockgate grants``: show, give and take back what plugins may do."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from lockgate.cli._output import (
    Color,
    clean,
    one_line,
    print_json,
    print_lines,
    print_table,
)
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.granting import consent_now, grant_now
from lockgate.values import Data

__all__ = ["add", "run"]

_COLORS: dict[str, Color] = {
    "granted": "green",
    "shipped": "green",
    "not granted": "yellow",
    "stale": "red",
}

_SYSTEM = "tier:system"


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "grants", description="Show, give and take back the rights of plugins."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    show = verbs.add_parser(
        "show",
        description="What plugins ask for and have.",
        help="what plugins ask for and have",
    )
    show.add_argument("plugin", metavar="PLUGIN", nargs="?")
    diff = verbs.add_parser(
        "diff",
        description="What is asked for and not granted.",
        help="what is asked for and not granted",
    )
    diff.add_argument("plugin", metavar="PLUGIN", nargs="?")
    grant = verbs.add_parser(
        "grant",
        description="Give a plugin rights that its manifest asks for.",
        help="give a plugin rights that its manifest asks for",
    )
    grant.add_argument("plugin", metavar="PLUGIN")
    grant.add_argument("rights", metavar="RIGHT", nargs="*")
    grant.add_argument("--all", action="store_true", help="everything it asks for")
    grant.add_argument(
        "--any-version",
        action="store_true",
        default=None,
        help="keep the grant when the plugin changes but asks for nothing more",
    )
    revoke = verbs.add_parser(
        "revoke", description="Take rights back.", help="take rights back"
    )
    revoke.add_argument("plugin", metavar="PLUGIN")
    revoke.add_argument("rights", metavar="RIGHT", nargs="*")
    revoke.add_argument("--all", action="store_true", help="everything it has")
    for verb in (show, diff, grant, revoke):
        verb.add_argument("--json", action="store_true", help="print JSON")


@dataclass(frozen=True, slots=True)
class _Row:
    """One right of one plugin, as it stands."""

    plugin: str
    right: str
    state: str
    detail: str
    by: str = ""
    """Who gave it: ``owner``, ``shipped`` or a consent policy; empty if nobody did."""


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    config = settings(args)
    if args.verb == "grant":
        return _grant(args, config)
    if args.verb == "revoke":
        return _revoke(args, config)
    rows = [row for state in _chosen(args, config) for row in _rows(state, config)]
    if args.verb == "diff":
        rows = [row for row in rows if row.state in ("not granted", "stale", "added")]
    return _print(rows, args)


def _print(rows: list[_Row], args: argparse.Namespace) -> int:
    if args.json:
        print_json({"rights": [_data(row) for row in rows]})
        return 0
    if not rows:
        print_lines(
            ["Nothing is asked for." if args.verb == "show" else "No difference."]
        )
        return 0
    table = [[row.plugin, row.right, row.state, _told(row)] for row in rows]
    print_table(["plugin", "right", "state", "detail"], table, colors=_COLORS)
    if args.verb == "diff":
        from lockgate.grants import grant_command

        for plugin in dict.fromkeys(row.plugin for row in rows):
            keys = [r.right for r in rows if r.plugin == plugin and r.right != _SYSTEM]
            print_lines([f"To grant: {grant_command(plugin, *keys)}"])
    return 0


def _told(row: _Row) -> str:
    """What the right comes with, and who gave it if that was neither of the two."""
    by = "" if row.by in ("", "owner", "shipped") else f"by the {row.by}"
    return "; ".join(part for part in (row.detail, by) if part)


def _data(row: _Row) -> dict[str, Data]:
    return {
        "plugin": row.plugin,
        "right": row.right,
        "state": row.state,
        "detail": row.detail,
        "by": row.by,
    }


def _chosen(args: argparse.Namespace, config: Config) -> list[PluginState]:
    from lockgate.errors import UnknownPluginError

    states = list(installed(config).plugins)
    if args.plugin is None:
        return [state for state in states if state.manifest is not None]
    chosen = [state for state in states if state.name == args.plugin]
    if not chosen:
        raise UnknownPluginError(args.plugin, known=[state.name for state in states])
    return chosen


def _rows(state: PluginState, config: Config) -> list[_Row]:
    """Every right that the plugin asks for, and how it stands."""
    if state.manifest is None:
        return []
    given, grant = consent_now(state, config)
    rows: list[_Row] = []
    for right in given.asked:
        held = "shipped" if given.source == "shipped" else "granted"
        if grant is not None and right.key in grant.granted and held == "shipped":
            held = "granted"
        word = held if given.has(right.key) else "not granted"
        if word == "not granted" and given.source == "stale" and grant is not None:
            word = "stale" if right.key in grant.granted else word
        by = {"granted": "owner", "shipped": "shipped"}.get(word, "")
        if grant is not None and word in ("granted", "stale"):
            by = grant.by.get(right.key, "owner")
        rows.append(_Row(state.name, right.key, word, right.detail, by))
    return rows


def _grant(args: argparse.Namespace, config: Config) -> int:
    from lockgate.errors import UsageError, did_you_mean
    from lockgate.grants import rights_asked, tier_missing

    (state,) = _chosen(args, config)[:1]
    manifest = state.manifest
    if manifest is None:
        message = f"{state.name} has no manifest, so it asks for nothing"
        raise UsageError(message, hint=state.hint)
    asked = rights_asked(manifest)
    keys = {right.key for right in asked}
    wanted = keys - {_SYSTEM} if args.all else set(args.rights)
    if args.all and not wanted:
        return _print([], argparse.Namespace(verb="show", json=args.json))
    if not wanted:
        message = f"no right of {state.name} is named"
        raise UsageError(message, hint=f"It asks for: {', '.join(sorted(keys)) or '-'}")
    for key in sorted(wanted - keys):
        hint = did_you_mean(key, keys) or f"It asks for: {', '.join(sorted(keys))}"
        raise UsageError(f"{state.name} does not ask for {key!r}", hint=hint)
    if _SYSTEM in wanted:
        message = "tier system is for the trusted base, which this release names"
        raise UsageError(message, hint="No owner can grant it.")
    grant_now(state, config, wanted, any_version=args.any_version)
    _print(_rows(state, config), argparse.Namespace(verb="show", json=args.json))
    if not args.json:
        given = consent_now(state, config)[0]
        said = tier_missing(state.name, keys, given.granted)
        print_lines([clean(line) for line in [said] if line])
    return 0


def _revoke(args: argparse.Namespace, config: Config) -> int:
    from lockgate._rights.file import GrantsFile
    from lockgate.errors import UsageError

    if not args.rights and not args.all:
        raise UsageError("no right is named", hint="Name rights, or give --all.")
    file = GrantsFile(Path(config.grants_file))
    keys = None if args.all else frozenset(args.rights)
    old = file.read().get(args.plugin)
    taken = sorted(file.revoke(args.plugin, keys))
    by = {k: old.by[k] for k in taken if k in old.by} if old is not None else {}
    if args.json:
        print_json({"plugin": args.plugin, "revoked": taken, "by": by})
        return 0
    print_lines([f"Revoked from {args.plugin}: {', '.join(taken) or 'nothing'}"])
    for key, rule in by.items():
        print_lines(
            [one_line(f"{key} was given by the {rule}, which may give it again")]
        )
    return 0

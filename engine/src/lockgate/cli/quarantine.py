"""``lockgate quarantine``: which plugins are not started any more, and a way out."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate._record.quarantine import Quarantine, QuarantineFolder
from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import ControlError, OutputError, UnknownPluginError, UsageError

__all__ = ["add", "run", "tell_hosts"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "See which plugins died too often, and let them try again. Runs none."
    parser = subparsers.add_parser("quarantine", description=about)
    parser.add_argument(
        "action",
        nargs="?",
        choices=["list", "clear"],
        default="list",
        help="list the quarantines (default), or clear one",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="whose to clear")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """List the quarantines, or clear one.

    Raises:
        UsageError: If no plugin is named to `clear`.
        UnknownPluginError: If nothing of that name is installed or in quarantine.
        OutputError: If the record can't be removed.
    """
    config = settings(args)
    folder = QuarantineFolder(config.state_dir)
    states = {state.name: state for state in installed(config).plugins}
    if args.action == "clear":
        return _clear(folder, args, states, config)
    records = folder.all()
    holding = [_holds(record, states.get(record.plugin)) for record in records]
    pairs = list(zip(records, holding, strict=True))
    if args.json:
        found = [{**record.to_dict(), "holds": holds} for record, holds in pairs]
        print_json({"quarantine": found})
    elif not records:
        print_lines(["No plugin is in quarantine."])
    else:
        rows = [
            [r.plugin, r.version, r.at, "yes" if holds else "no: replaced", r.reason]
            for r, holds in pairs
        ]
        print_table(["name", "version", "since", "holds", "reason"], rows)
    return 0


def _holds(record: Quarantine, state: PluginState | None) -> bool:
    """Whether the record is about what is installed now."""
    return state is not None and record.covers(state.version, lambda: state.digest)


def _clear(
    folder: QuarantineFolder,
    args: argparse.Namespace,
    states: dict[str, PluginState],
    config: Config,
) -> int:
    name: str | None = args.name
    if name is None:
        raise UsageError("clear whose quarantine?", hint="Name a plugin.")
    records = [record.plugin for record in folder.all()]
    if name not in records and name not in states:
        raise UnknownPluginError(name, known=[*records, *states])
    try:
        cleared = folder.clear(name)
    except OSError as error:
        message = f"the record can't be removed: {error.strerror}"
        raise OutputError(message, path=str(error.filename)) from error
    hosts = tell_hosts(name, config)
    if args.json:
        print_json({"plugin": name, "cleared": cleared, "hosts": hosts})
    elif cleared:
        print_lines([f"{name} may try again: at its next call."])
    else:
        print_lines([f"{name} was not in quarantine."])
    return 0


def tell_hosts(name: str, config: Config) -> list[int]:
    """Have running hosts release the plugin at once; those that did."""
    from lockgate._control.client import ask_all
    from lockgate._control.wire import Request
    from lockgate.cli._hosts import told

    try:
        found = ask_all(Path(config.runtime_folder), Request("release", name))
        return sorted(host.pid for host, answer in found if not told(answer))
    except ControlError:  # the record is gone: each learns of it at its next call
        return []

"""``lockgate ps``: the plugins of every running host of this user."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, cast

from lockgate._control.wire import Request
from lockgate.cli._hosts import add_host_option, asked, told
from lockgate.cli._output import Color, indented, print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, settings
from lockgate.quantities import size

if TYPE_CHECKING:
    from lockgate.config import Config

__all__ = ["STAGE_COLORS", "add", "devices_of", "run"]

STAGE_COLORS: dict[str, Color] = {
    "active": "green",
    "enabled": "dim",
    "disabled": "dim",
    "removed": "dim",
    "discovered": "yellow",
    "verified": "yellow",
    "quarantined": "red",
}


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Show the plugins of running hosts: stage, worker, calls, memory."
    parser = subparsers.add_parser("ps", description=about)
    parser.add_argument(
        "--all", action="store_true", help="also plugins that were never called"
    )
    add_host_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print a table, or each host's whole answer. Status 1 if one did not answer.

    Raises:
        NoHostError: If the host that was named does not run.
    """
    config = settings(args)
    found = asked(config, args, Request("ps"))
    held = devices_of(config)
    for pid, answer in found:
        for plugin in answer.get("plugins", []):
            plugin["devices"] = held.get((pid, plugin["plugin"]), [])
    failed = [f"process {pid}: {told(one)}" for pid, one in found if told(one)]
    if args.json:
        print_json({"hosts": [answer for _, answer in found]})
        return 1 if failed else 0
    if not found:
        print_lines(["No host runs."])
        return 0
    rows = [
        _row(pid, plugin)
        for pid, answer in found
        for plugin in answer.get("plugins", [])
        if args.all or plugin["calls"] or plugin["worker"] is not None
    ]
    headers = ["host", "plugin", "version", "stage", "worker", "calls", "failed"]
    print_table([*headers, "memory", "since", "devices"], rows, colors=STAGE_COLORS)
    print_lines(indented(line) for line in failed)
    return 1 if failed else 0


def devices_of(config: Config) -> dict[tuple[int, str], list[str]]:
    """The devices that plugins have open, by host and plugin."""
    from lockgate._rights.claims import claims_folder, claims_held

    found: dict[tuple[int, str], list[str]] = {}
    for claim in claims_held(claims_folder(config.runtime_folder)):
        found.setdefault((claim.host, claim.plugin), []).append(claim.device)
    return found


def _row(pid: int, plugin: dict[str, object]) -> list[str]:
    memory = plugin["memory-bytes"]
    return [
        str(pid),
        str(plugin["plugin"]),
        str(plugin["version"]) or "-",
        str(plugin["stage"]),
        "-" if plugin["worker"] is None else str(plugin["worker"]),
        str(plugin["calls"]),
        str(plugin["failed"]),
        size(memory) if isinstance(memory, int) and memory else "-",
        str(plugin["since"])[:19].replace("T", " "),
        ", ".join(cast("list[str]", plugin["devices"])) or "-",
    ]

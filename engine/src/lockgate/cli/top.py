"""``lockgate top``: what the plugins of running hosts do at this moment."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate._control.wire import Request
from lockgate.cli._hosts import add_host_option, asked
from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, settings
from lockgate.cli.ps import STAGE_COLORS
from lockgate.quantities import size

if TYPE_CHECKING:
    from lockgate.config import Config

__all__ = ["add", "run"]

SAMPLE_SECONDS = 0.5
CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class _Load:
    """One plugin of one host over the time between two looks."""

    host: int
    plugin: str
    stage: str
    calls_per_second: float
    failed_per_second: float
    mean_seconds: float
    cpu: float
    memory_bytes: int

    def to_dict(self) -> dict[str, object]:
        return {
            "host": self.host,
            "plugin": self.plugin,
            "stage": self.stage,
            "calls-per-second": self.calls_per_second,
            "failed-per-second": self.failed_per_second,
            "mean-seconds": self.mean_seconds,
            "cpu": self.cpu,
            "memory-bytes": self.memory_bytes,
        }


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Watch the load of plugins in running hosts. Ctrl-C ends it."
    parser = subparsers.add_parser("top", description=about)
    parser.add_argument("--once", action="store_true", help="look once and end")
    parser.add_argument(
        "--interval", type=float, default=2.0, metavar="S", help="seconds (2)"
    )
    add_host_option(parser)
    parser.add_argument("--json", action="store_true", help="look once, print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the load: once in a pipe, again and again on a terminal.

    Raises:
        NoHostError: If the host that was named does not run.
    """
    config = settings(args)
    once = args.once or args.json or not sys.stdout.isatty()
    before, at = _look(config, args), time.monotonic()
    wait = SAMPLE_SECONDS
    while True:
        time.sleep(wait)
        now, then = _look(config, args), time.monotonic()
        loads = _loads(before, now, then - at)
        if args.json:
            print_json({"plugins": [load.to_dict() for load in loads]})
            return 0
        if not once:
            sys.stdout.write(CLEAR)
        _print(loads)
        sys.stdout.flush()
        if once:
            return 0
        before, at, wait = now, then, max(args.interval, 0.2)


_Look = dict[tuple[int, str], dict[str, Any]]


def _look(config: Config, args: argparse.Namespace) -> _Look:
    return {
        (pid, plugin["plugin"]): plugin
        for pid, answer in asked(config, args, Request("ps"))
        for plugin in answer.get("plugins", [])
        if plugin["calls"] or plugin["worker"] is not None
    }


def _loads(before: _Look, now: _Look, seconds: float) -> list[_Load]:
    """The load of each plugin that is there now, the busiest first."""
    found: list[_Load] = []
    for (host, name), plugin in now.items():
        old = before.get((host, name), {})

        def more(key: str, old: dict[str, Any] = old, new: Any = plugin) -> float:
            return max(float(new[key]) - float(old.get(key, new[key])), 0.0)

        calls = more("calls")
        spent = max(_spent(plugin) - _spent(old), 0.0) if old else 0.0
        same = old.get("worker") == plugin["worker"]
        found.append(
            _Load(
                host,
                name,
                str(plugin["stage"]),
                calls / seconds,
                more("failed") / seconds,
                spent / calls if calls else 0.0,
                more("cpu-seconds") / seconds if same else 0.0,
                int(plugin["memory-bytes"]),
            )
        )
    return sorted(found, key=lambda load: (-load.calls_per_second, load.plugin))


def _spent(plugin: dict[str, Any]) -> float:
    return sum(float(hook["seconds"]) for hook in plugin["meter"]["hooks"].values())


def _print(loads: list[_Load]) -> None:
    if not loads:
        print_lines(["No host runs a plugin."])
        return
    rows = [
        [
            str(load.host),
            load.plugin,
            load.stage,
            f"{load.calls_per_second:.1f}",
            f"{load.failed_per_second:.1f}",
            f"{load.mean_seconds * 1000:.2f}",
            f"{load.cpu * 100:.0f}%",
            size(load.memory_bytes) if load.memory_bytes else "-",
        ]
        for load in loads
    ]
    headers = ["host", "plugin", "stage", "calls/s", "failed/s", "mean ms", "cpu"]
    print_table([*headers, "memory"], rows, colors=STAGE_COLORS)

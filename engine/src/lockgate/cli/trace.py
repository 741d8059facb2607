"""``lockgate trace``: the latest calls of running hosts, as they come."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lockgate._control.wire import Request
from lockgate.cli._hosts import add_host_option, asked
from lockgate.cli._output import (
    colored,
    one_line,
    print_json,
    print_lines,
)
from lockgate.cli._session import Subparsers, settings

if TYPE_CHECKING:
    from lockgate.config import Config

__all__ = ["add", "run"]

FOLLOW_SECONDS = 0.25
_NO_HOST = (
    "No host runs. A host tells of its calls while it is open; `lockgate logs` tells "
    "what was before."
)
_NOTHING = "No such call yet."


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Show the latest calls of running hosts: who was asked what, how it ended."
    parser = subparsers.add_parser("trace", description=about)
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME|HOOK", help="only of these"
    )
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    add_host_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, a call a line")


def run(args: argparse.Namespace) -> int:
    """Print the calls, the oldest first.

    Raises:
        NoHostError: If the host that was named does not run.
    """
    config = settings(args)
    seen: dict[int, int] = {}
    calls = list(_new(config, args, seen))
    if not calls and not args.json:
        print_lines([_NOTHING if seen else _NO_HOST])
    if not args.follow:
        if args.json:
            print_json({"calls": calls})
        else:
            print_lines(_line(call) for call in calls)
        return 0
    while True:
        for call in calls:
            if args.json:
                from lockgate._text.json_text import json_text

                sys.stdout.write(json_text(call) + "\n")
            else:
                print_lines([_line(call)])
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)
        calls = list(_new(config, args, seen))


def _new(
    config: Config, args: argparse.Namespace, seen: dict[int, int]
) -> Iterator[dict[str, Any]]:
    """The calls of each host that were not seen yet; `seen` is the last number."""
    found: list[dict[str, Any]] = []
    after = min(seen.values(), default=0)
    for pid, answer in asked(config, args, Request("calls", args.name, after)):
        last = seen.get(pid, 0)
        for call in answer.get("calls", []):
            if call["number"] > last:
                found.append({"host": pid, **call})
                seen[pid] = max(seen.get(pid, 0), call["number"])
        seen.setdefault(pid, 0)
    yield from sorted(found, key=lambda call: call["at"])


def _line(call: dict[str, Any]) -> str:
    good = call["outcome"] in ("answered", "none")
    outcome = colored(one_line(call["outcome"]), "green" if good else "red")
    parent = f" < {call['parent']}" if call["parent"] else ""
    ids = one_line(f"{call['trace']} {call['span']}{parent}")
    said = (
        f"{call['at'][11:23]} {call['host']} {call['plugin']} {call['version']} "
        f"{call['hook']} {call['seconds'] * 1000:.2f} ms"
    )
    return f"{one_line(said)} {outcome} {ids}"

"""``lockgate reload``: change a plugin's worker in hosts that run."""

from __future__ import annotations

import argparse
from typing import Any, cast

from lockgate._control.wire import Request
from lockgate.cli._hosts import add_host_option, asked, code_of, told, way_out
from lockgate.cli._output import (
    indented,
    print_json,
    print_lines,
)
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import NoHostError, UnknownPluginError

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Have running hosts change a plugin's worker for one of what is installed "
        "now. No call is lost; what does not load does not take over."
    )
    parser = subparsers.add_parser("reload", description=about)
    parser.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="NAME",
        help="a plugin (default: all that was installed, removed or replaced)",
    )
    add_host_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Tell each host; status 1 if one refused.

    Raises:
        NoHostError: If no host runs, or none has this plugin.
        UnknownPluginError: If none of them has a plugin of that name.
    """
    name: str = args.name
    request = Request("reload", name) if name else Request("refresh")
    found = asked(settings(args), args, request)
    if not found:
        raise NoHostError("no host runs")
    if all(_unknown(answer) for _, answer in found):
        names = _installed_names(args)
        if name in names:
            raise NoHostError(
                f"no running host has the plugin {name!r}",
                hint="`lockgate ps` shows what they have: they may look elsewhere.",
            )
        raise UnknownPluginError(name, known=names)
    failed = any(told(answer) or answer.get("failed") for _, answer in found)
    if args.json:
        print_json({"hosts": [{"pid": pid, **answer} for pid, answer in found]})
        return 1 if failed else 0
    for pid, answer in found:
        print_lines([indented(f"{pid}: {_words(answer)}")])
        if hint := way_out(answer):
            print_lines([indented(f"  hint: {hint}")])
    return 1 if failed else 0


def _unknown(answer: dict[str, Any]) -> bool:
    return code_of(answer) == UnknownPluginError.code


def _installed_names(args: argparse.Namespace) -> list[str]:
    return [one.name for one in installed(settings(args)).plugins]


def _words(answer: dict[str, object]) -> str:
    why = told(answer)
    if why:
        return why
    if "plugin" in answer:
        return f"{answer['plugin']} {answer['version']}: {answer['reason']}"
    words = [
        f"{key}: {', '.join(map(str, names))}"
        for key in ("added", "removed", "reloaded", "failed")
        if (names := cast("list[object]", answer.get(key)))
    ]
    return "; ".join(words) or "nothing changed"

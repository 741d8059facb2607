"""``lockgate doctor``: what is wrong here, and what of it can be mended safely."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lockgate.cli._doctor_checks import Check, State, checks
from lockgate.cli._output import (
    Color,
    colored,
    indented,
    one_line,
    print_json,
    print_lines,
)
from lockgate.cli._session import Subparsers, installed, tolerant_settings

if TYPE_CHECKING:
    from lockgate.config import Config

__all__ = ["add", "run"]

_COLORS: Mapping[State, Color] = {"ok": "green", "warning": "yellow", "problem": "red"}


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Find out what is wrong. No plugin is run unless --plugins is given."
    parser = subparsers.add_parser("doctor", description=about)
    parser.add_argument(
        "--fix", action="store_true", help="mend what can be mended without a risk"
    )
    parser.add_argument(
        "--plugins", action="store_true", help="also ask plugins for their own checks"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run every check; 1 if a problem is left, 0 otherwise."""
    overrides: list[str] = args.overrides
    config, wrong = tolerant_settings(overrides, args.chosen)
    found = [
        _mended(check) if args.fix and check.mend else check
        for check in checks(config, wrong, lambda: installed(config))
    ]
    if args.plugins:
        found += _contributed(config, safe=args.safe)
    problems = sum(check.state == "problem" for check in found)
    if args.json:
        print_json({"ok": not problems, "checks": [c.to_dict() for c in found]})
    else:
        print_lines(line for check in found for line in _lines(check))
    return 1 if problems else 0


def _mended(check: Check) -> Check:
    if check.mend is None:
        return check
    try:
        check.mend()
    except OSError as error:
        return Check(
            check.name,
            "problem",
            f"{check.message}; mending it failed: {error.strerror}",
            check.hint,
        )
    return Check(check.name, "ok", f"mended: {check.message}")


def _contributed(config: Config, *, safe: bool) -> Iterator[Check]:
    """The checks that plugins contribute, from their workers."""
    from lockgate.host import Host

    with Host.open(config, safe=safe) as host:
        answers = host.call("diagnose")
        for answer in answers:
            for told in answer.value:
                name = f"{answer.plugin}: {told.get('name', 'check')}"
                state = told.get("state")
                yield Check(
                    name,
                    state if state in ("ok", "warning", "problem") else "problem",
                    str(told.get("message", "")),
                    str(told.get("hint", "")),
                )
        for failure in answers.failed:
            yield Check(
                f"{failure.plugin}: diagnose",
                "problem",
                failure.error.message,
                failure.error.hint,
            )


def _lines(check: Check) -> Iterator[str]:
    label = colored(f"{check.state:<8}", _COLORS[check.state])
    yield f"{label} {one_line(check.name)}: {indented(check.message)}"
    if check.hint and check.state != "ok":
        yield f"         hint: {indented(check.hint)}"

"""``lockgate-sandbox run``: one Python file under a policy.

Standard streams pass through and the exit status is the file's own, but for
124 (wall limit), 125 (refused to start) and 137 (killed for another limit).
`add_arguments` and `main` are what another command line builds its verb on.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate_sandbox.cli._complaint import REFUSED, complain
from lockgate_sandbox.cli._more import more_of
from lockgate_sandbox.cli._once import (
    add_file_arguments,
    add_file_options,
    check_file,
    run_once,
    source_of,
)
from lockgate_sandbox.cli._options import existing, policy_of
from lockgate_sandbox.cli._report import SCRATCH, Place, grant_for, report
from lockgate_sandbox.errors import SandboxError
from lockgate_sandbox.results import Denial, limit_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.results import RunResult

__all__ = ["ABOUT", "add_arguments", "main"]

ABOUT = (
    "Run one Python file under a policy. Standard streams pass through. The exit "
    "status is the file's own, but for 124 (wall limit), 125 (not started) and "
    "137 (killed for another limit)."
)
"""What ``--help`` says."""

_EXPLAINED = 5
"""Ways out that are written to standard error; a report has all denials."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``run``."""
    add_file_options(parser)
    about = "write posture, usage and denials as JSON"
    parser.add_argument("--report", metavar="FILE", help=about)
    add_file_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run what parsed arguments ask for; gives the exit status."""
    result: RunResult | None = None
    error: SandboxError | None = None
    policy: Policy | None = None
    place = Place(args.report) if args.report else None
    try:
        if place is not None:
            place.check()
        policy = policy_of(args)
        result = _run(policy, args)
        error, status = result.error, result.status
        if error is None and status:
            _explain(result, policy)
    except SandboxError as refused:
        # A limit may be reached before the file's first line, on a busy machine.
        error, status = refused, limit_status(refused) or REFUSED
    except OSError as failed:
        print(f"lockgate-sandbox: {failed}", file=sys.stderr)  # where its output goes
        status = 1
    if error is not None:
        complain(error, way_out=more_of(error, policy, args) if policy else "")
    if place is not None and place.usable:
        document = report(args.file, policy, status, result, error)
        written = _write_report(place, document)
        return status if written else status or 1
    return status


def _run(policy: Policy, args: argparse.Namespace) -> RunResult:
    """Run the file; what its broker refused stands among what it was denied.

    Raises:
        SandboxError: If it can't be run so, or not at all.
        OSError: If its output can't be written.
    """
    source = source_of(args)
    if source is None:
        check_file(args.file)
    denied: list[Denial] = []
    folders = [item for item in args.path if existing(item)]
    result = run_once(policy, args, source, _advice, denied, path=folders)
    own = (
        replace(item, grant=grant_for(item, args.file, policy))
        for item in result.denials
    )
    return replace(result, denials=(*denied, *own))


def _write_report(place: Place, document: Mapping[str, object]) -> bool:
    """Write the report; whether that went well, else standard error says why not."""
    text = json.dumps(document, indent=2) + "\n"
    try:
        place.write(text.encode())
    except OSError as failed:
        why = f"{place.file}: {failed.strerror}"
        print(f"lockgate-sandbox: {why}", file=sys.stderr)
        return False
    return True


def _advice(right: str, what: str) -> str:
    if right in ("net", "total") and what.isprintable():
        option = "--allow-net" if right == "net" else "--net-total"
        return f"{option} {shlex.quote(what)}"
    # A secret without a value is one that the option was not given for.
    return grant_for(Denial("secret" if right == "value" else right, what), "")


def _explain(result: RunResult, policy: Policy) -> None:
    """Say what a file that failed was refused, and the option that allows it."""
    granted = set[str]()
    left = list(result.denials)
    if any(item.right == "net" and " " not in item.what for item in left):
        left = [item for item in left if item.right != "net" or " " not in item.what]
    while left and len(granted) < _EXPLAINED:
        item = left.pop(0)
        if item.grant in granted:
            continue  # one option allows them all: the first of them is enough
        granted.add(item.grant)
        done = "not found" if item.right == "import" else "refused"
        told = f"{done}: {item.right} {item.what!r}"
        print(f"lockgate-sandbox: {told}", file=sys.stderr)
        if item.grant:
            print(f"  to allow it: {item.grant}", file=sys.stderr)
        if (
            item.right == "write"
            and policy.tier.may_write
            and SCRATCH not in item.grant
        ):
            print(f"  without that: {SCRATCH}", file=sys.stderr)
    if left:
        more = f"{len(left)} more: see --report FILE"
        print(f"lockgate-sandbox: {more}", file=sys.stderr)

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
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox.backend import open_confinement
from lockgate_sandbox.cli._complaint import REFUSED, complain
from lockgate_sandbox.cli._layers import add_layer_option, layers_of
from lockgate_sandbox.cli._more import more_of
from lockgate_sandbox.cli._options import (
    add_policy_options,
    policy_of,
    secret_values,
)
from lockgate_sandbox.cli._report import SCRATCH, Place, grant_for, report
from lockgate_sandbox.errors import PolicyError, SandboxError
from lockgate_sandbox.profiles import Profile
from lockgate_sandbox.results import Denial, limit_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockgate_sandbox.broker import Broker
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


_LEAST_MEMORY = 16 << 20
"""Below it an interpreter ends before it could say why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``run``."""
    add_policy_options(parser)
    add = parser.add_argument
    about = "a folder to import from; may be repeated"
    add("--path", metavar="DIR", action="append", default=[], help=about)
    add_layer_option(parser)
    about = "append each decision on a grant, as JSON lines"
    add("--audit", metavar="FILE", help=about)
    add(
        "--profile",
        choices=[str(profile) for profile in Profile],
        default=str(Profile.PLAIN),
        help="how the file is compiled; restricted: by RestrictedPython, no boundary",
    )
    add("--report", metavar="FILE", help="write posture, usage and denials as JSON")
    add("-c", metavar="CODE", dest="code", help="run this text instead of a file")
    about = "the Python file; - reads it from standard input"
    add("file", metavar="FILE.py", nargs="?", help=about)
    rest = add("argv", metavar="ARG", nargs=argparse.REMAINDER, help="its arguments")
    rest.required = False  # argparse would name it as missing, beside the file
    parser.set_defaults(usage_error=parser.error)


def _check_memory(policy: Policy) -> None:
    given = policy.limits.memory_bytes
    if given < _LEAST_MEMORY:
        raise PolicyError(
            f"{given:,} bytes of memory are less than Python needs to start",
            hint=f"give it at least {_LEAST_MEMORY >> 20}M; 64M is enough for a little",
        )


def _take_source(args: argparse.Namespace) -> bytes | None:
    """What is run if it is no file; `args` then say how it is called."""
    if args.code is not None:
        if args.file is not None:
            args.argv = [args.file, *args.argv]
        args.file = "-c"
        return str(args.code).encode("utf-8", "surrogateescape")
    if args.file is None:
        args.usage_error("the following arguments are required: FILE.py")
    if args.file != "-":
        return None
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  (closed)
        raise PolicyError("standard input, which was to be run, is closed")
    return sys.stdin.buffer.read()


def _check_file(name: str) -> None:
    if Path(name).is_dir():
        hint = "name the Python file in it that is to run"
        raise PolicyError(f"{name} is a folder, not a Python file", hint=hint)
    if not Path(name).is_file():
        raise PolicyError(f"no such file: {name}", hint="check the path")


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
    _check_memory(policy)
    layers = layers_of(args)
    source = _take_source(args)
    if source is None:
        _check_file(args.file)
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        broker, denied = None, list[Denial]()
        if policy.brokered or args.audit:  # a record of nothing is a record, too
            broker = stack.enter_context(_broker(policy, args, denied))
        sandbox = stack.enter_context(open_confinement(layers=layers))
        result = sandbox.run_file(
            policy,
            args.file,
            args.argv,
            path=args.path,
            broker=broker if policy.brokered else None,
            profile=args.profile,
            source=source,
        )
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


def _broker(policy: Policy, args: argparse.Namespace, denied: list[Denial]) -> Broker:
    """The broker of one run; what it refuses is added to `denied`."""
    from lockgate_sandbox.broker import Broker, denials_into

    return Broker(
        policy,
        secrets=secret_values(args),
        audit=denials_into(denied),
        audit_file=args.audit,
        worker=Path(args.file).name,
        advice=_advice,
    )


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

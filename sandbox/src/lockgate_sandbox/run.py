"""``lockgate-sandbox run``: one Python file under a policy.

Standard streams pass through and the exit status is the file's own, but for
124 (wall limit), 125 (refused to start) and 137 (killed for another limit).
`add_arguments` and `main` are what another command line builds its verb on.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import PolicyError, SandboxError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.sandbox import Sandbox
from lockgate_sandbox.tiers import Limits, Tier

if TYPE_CHECKING:
    from lockgate_sandbox.program import RunResult

__all__ = ["ABOUT", "REFUSED", "add_arguments", "main", "policy_of"]

ABOUT = (
    "Run one Python file under a policy. Standard streams pass through. The exit "
    "status is the file's own, but for 124 (wall limit), 125 (not started) and "
    "137 (killed for another limit)."
)
"""What ``--help`` says."""

REFUSED = 125
"""Exit status when the file was not started at all."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIERS = [str(tier) for tier in Tier if tier is not Tier.SYSTEM]
_GRANTS = {
    "read": "--allow-read {}",
    "write": "--allow-write {}",
    "net": "none yet: --allow-net is not honoured at this stage",
    "program": "none: a file run this way starts no programs",
    "process": "none: a file run this way starts no processes",
}

_OPTIONS = {
    "cpu-limit": "--cpu SECONDS",
    "wall-limit": "--wall SECONDS",
    "memory-limit": "--memory SIZE, like 512M",
    "process-limit": "--pids NUMBER",
}
_EXPLAINED = 5
"""Denials that are written to standard error; a report has them all."""


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMG]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        msg = f"{text!r} is no size: write bytes, or a number with K, M or G"
        raise argparse.ArgumentTypeError(msg)
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        msg = f"{text!r} is no number of seconds above 0"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        msg = f"{text!r} is no number above 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``run``."""
    add = parser.add_argument
    add("--tier", choices=_TIERS, help="default: the lowest that carries the grants")
    for name, what in (("read", "PATH"), ("write", "PATH"), ("net", "HOST")):
        add(
            f"--allow-{name}",
            metavar=what,
            action="append",
            default=[],
            help={
                "read": "a file or folder that may be read; may be repeated",
                "write": "a file or folder that may be changed; may be repeated",
                "net": "not honoured yet: refuses to start",
            }[name],
        )
    add("--path", metavar="DIR", action="append", default=[], help="import from here")
    add("--memory", metavar="N", type=_size, help="memory of all processes, like 256M")
    add("--cpu", metavar="S", type=_seconds, help="CPU seconds")
    add("--wall", metavar="S", type=_seconds, help="seconds on the clock")
    add("--pids", metavar="N", type=_count, help="processes and threads")
    add("--report", metavar="FILE", help="write posture, usage and denials as JSON")
    add("file", metavar="FILE.py", help="the Python file")
    rest = add("argv", metavar="ARG", nargs=argparse.REMAINDER, help="its arguments")
    rest.required = False  # argparse would name it as missing, beside the file


def policy_of(args: argparse.Namespace) -> Policy:
    """The policy that parsed arguments ask for.

    Raises:
        PolicyError: If they can't be honoured.
    """
    if args.allow_net:
        raise PolicyError(
            "--allow-net can't be honoured: a sandboxed file has no network yet",
            hint="fetch the data outside and grant it with --allow-read",
        )
    tier = args.tier or (Tier.ELEVATED if args.allow_write else Tier.READ_ONLY)
    limits = Limits.for_tier(tier)
    asked = {
        "memory_bytes": args.memory,
        "cpu_seconds": args.cpu,
        "wall_seconds": args.wall,
        "processes": args.pids,
    }
    limits = replace(limits, **{k: v for k, v in asked.items() if v is not None})
    return Policy.for_tier(
        tier,
        limits=limits,
        read=[_existing(path) for path in args.allow_read],
        write=[_existing(path) for path in args.allow_write],
    )


def _existing(path: str) -> str:
    real = Path(path).resolve()
    if not real.exists():
        raise PolicyError(f"no such file or folder: {path}", hint="create it first")
    return str(real)


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
    try:
        policy = policy_of(args)
        _check_file(args.file)
        sys.stdout.flush()
        sys.stderr.flush()
        with Sandbox.open() as sandbox:
            result = sandbox.run_file(policy, args.file, args.argv, path=args.path)
        error, status = result.error, result.status
        if error is None and status:
            _explain(result)
    except SandboxError as refused:
        error, status = refused, REFUSED
    if error is not None:
        _complain(error)
    if args.report:
        document = _report(args.file, policy, status, result, error)
        try:
            _write_whole(Path(args.report), document)
        except OSError as failed:
            print(f"{args.report}: {failed.strerror}", file=sys.stderr)
            status = status or 1
    return status


def _complain(error: SandboxError) -> None:
    option = _OPTIONS.get(error.code)
    hint = f"give it more with {option}" if option else error.hint
    print(f"lockgate-sandbox: {error} [{error.code}]", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def _explain(result: RunResult) -> None:
    """Say what a file that failed was refused, and the option that allows it."""
    for item in result.denials[:_EXPLAINED]:
        grant = _GRANTS.get(item.right, "").format(shlex.quote(item.what))
        print(f"lockgate-sandbox: refused: {item.right} {item.what!r}", file=sys.stderr)
        if grant:
            print(f"  to allow it: {grant}", file=sys.stderr)
    more = len(result.denials) - _EXPLAINED
    if more > 0:
        print(f"lockgate-sandbox: {more} more: see --report FILE", file=sys.stderr)


def _report(
    script: str,
    policy: Policy | None,
    status: int,
    result: RunResult | None,
    error: SandboxError | None,
) -> dict[str, object]:
    usage = result.usage if result else None
    return {
        "schema": 1,
        "file": script,
        "status": status,
        "error": None
        if error is None
        else {"code": error.code, "message": str(error), "hint": error.hint},
        "policy": policy.to_dict() if policy else None,
        "posture": result.posture.to_dict() if result else None,
        "usage": None
        if usage is None
        else {
            "cpu_seconds": usage.cpu_seconds,
            "wall_seconds": usage.wall_seconds,
            "peak_memory_bytes": usage.peak_memory_bytes,
        },
        "denials": [
            {
                "right": item.right,
                "what": item.what,
                "grant": _GRANTS.get(item.right, "").format(item.what),
            }
            for item in (result.denials if result else ())
        ],
    }


def _write_whole(path: Path, document: dict[str, object]) -> None:
    # Whole or absent, also if we are killed meanwhile.
    fd, aside = tempfile.mkstemp(dir=path.parent or None, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise

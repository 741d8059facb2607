"""The options that make a policy: the same for every verb that takes one."""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import parse_host_grant
from lockgate_sandbox.grants import TOTAL, Device
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.policy_file import read_policy
from lockgate_sandbox.tiers import Limits, Tier

__all__ = [
    "add_policy_options",
    "count",
    "existing",
    "policy_of",
    "secret_values",
]

_VARIABLE = re.compile(r"[A-Z]{1,20}(_[A-Z0-9]{1,20}){0,5}")
"""What a variable is called, and no key or password."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIERS = [str(tier) for tier in Tier if tier is not Tier.SYSTEM]


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


def count(text: str) -> int:
    """A number above 0, as an option is written."""
    if not text.isdigit() or not int(text):
        msg = f"{text!r} is no number above 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options that `policy_of` reads."""
    add = parser.add_argument
    add("--policy", metavar="FILE", help="a policy as JSON, instead of tier and grants")
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
                "net": "a host that may be reached, like db.example.com:5432, or "
                "'https://api.example.com/v1/ methods=GET'; may be repeated",
            }[name],
        )
    add(
        "--net-total",
        metavar="QUOTA",
        help="what all hosts may use together, like 'bytes=512M requests=20000'",
    )
    for option, what, about in (
        ("--allow-device", "PATH", "a serial port or GPIO chip below /dev"),
        ("--env", "NAME[=VALUE]", "a variable that it sees; without a value: yours"),
        ("--secret", "NAME=VAR", "a secret's name and the variable that holds it"),
    ):
        add(option, metavar=what, action="append", default=[], help=about)
    add("--memory", metavar="N", type=_size, help="memory of all processes, like 256M")
    add("--cpu", metavar="S", type=_seconds, help="CPU seconds")
    add("--wall", metavar="S", type=_seconds, help="seconds on the clock")
    add("--pids", metavar="N", type=count, help="processes and threads")
    add("--files", metavar="N", type=count, help="open files of a process")
    add("--file-size", metavar="N", type=_size, help="bytes of one file, like 16M")
    add("--disk", metavar="N", type=_size, help="bytes in the scratch folder")
    add("--inodes", metavar="N", type=count, help="files in the scratch folder")
    add("--cpu-share", metavar="S", type=_seconds, help="cores at a time, like 0.5")


def policy_of(args: argparse.Namespace) -> Policy:
    """The policy that parsed arguments ask for.

    Raises:
        PolicyError: If they can't be honoured.
    """
    if args.policy:
        return _from_file(args)
    tier = Tier(args.tier or _lowest_tier(args))
    hosts = [parse_host_grant(text) for text in args.allow_net]
    injected = {item.credential.secret for item in hosts if item.credential}
    return Policy.for_tier(
        tier,
        limits=_limits_of(args, tier),
        read=[existing(path) for path in args.allow_read],
        write=[existing(path) for path in args.allow_write],
        env=dict(map(_variable, args.env)),
        hosts=hosts,
        total=args.net_total or TOTAL,
        devices=[Device(path) for path in args.allow_device],
        # One that the broker adds to requests is nothing for the file to know.
        secrets=[name for name, _ in secret_variables(args) if name not in injected],
    )


def _variable(text: str) -> tuple[str, str]:
    """Name and value of a variable, as ``--env`` is written."""
    name, equals, value = text.partition("=")
    if equals:
        return name, value
    if name not in os.environ:
        raise PolicyError(
            f"--env {name}: you have no variable of this name",
            hint=f"set and export it first, or write --env {name}=VALUE",
        )
    return name, os.environ[name]


def secret_variables(args: argparse.Namespace) -> list[tuple[str, str]]:
    """The secrets' names, each with the variable that holds its value.

    Raises:
        PolicyError: If one is written otherwise.
    """
    found: list[tuple[str, str]] = []
    for text in args.secret:
        name, equals, variable = text.partition("=")
        if not (name and equals and variable):
            # Not with what was written: it may be the secret itself.
            raise PolicyError(
                "--secret is written NAME=VARIABLE",
                hint="name the variable that holds the value, not the value",
            )
        found.append((name, variable))
    return found


def secret_values(args: argparse.Namespace) -> dict[str, str]:
    """The secrets' values by name.

    Raises:
        PolicyError: As `secret_variables`, or if a variable is not set.
    """
    found: dict[str, str] = {}
    for name, variable in secret_variables(args):
        value = os.environ.get(variable)
        if not value:
            # Only what nobody could take for a secret that was written by mistake.
            called = f", {variable}," if _VARIABLE.fullmatch(variable) else ""
            raise PolicyError(
                f"the variable of the secret {name}{called} is not set",
                hint="set and export it first",
            )
        found[name] = value
    return found


def _lowest_tier(args: argparse.Namespace) -> Tier:
    """The lowest that carries what was asked for."""
    if any((args.allow_write, args.allow_net, args.allow_device, args.secret)):
        return Tier.ELEVATED
    wants_scratch = any((args.disk, args.inodes, args.file_size))
    return Tier.BASIC if wants_scratch else Tier.READ_ONLY


def _asked_limits(args: argparse.Namespace, tier: Tier) -> dict[str, Any]:
    """The limits that were given, by field."""
    asked = {
        "memory_bytes": args.memory,
        "cpu_seconds": args.cpu,
        "wall_seconds": args.wall,
        "processes": args.pids,
        "open_files": args.files,
        "file_bytes": args.file_size,
        "disk_bytes": args.disk,
        "inodes": args.inodes,
        "cpu_share": args.cpu_share,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if not tier.may_write and {"file_bytes", "disk_bytes", "inodes"} & set(given):
        raise PolicyError(
            f"tier {tier} has no scratch folder to put a limit on",
            hint="leave out --tier, or name basic or a higher one",
        )
    return given


def _limits_of(args: argparse.Namespace, tier: Tier) -> Limits:
    """The tier's limits with what was asked for in their place."""
    given = _asked_limits(args, tier)
    if args.disk is not None and args.file_size is None:
        given["file_bytes"] = args.disk  # one file may take all of it
    return replace(Limits.for_tier(tier), **given)


def _from_file(args: argparse.Namespace) -> Policy:
    """The policy of a file, with tighter limits where they are asked for."""
    given = (args.allow_read, args.allow_write, args.allow_net, args.allow_device)
    if args.tier or any(given) or args.env or args.net_total:
        raise PolicyError(
            "--policy says tier and grants; --tier, --env, --net-total and "
            "--allow-... can't add",
            hint=f"write them into {args.policy}",
        )
    policy = read_policy(args.policy)
    asked = _asked_limits(args, policy.tier)
    return replace(policy, limits=policy.limits.tightened(asked))


def existing(path: str) -> str:
    """Where `path` leads.

    Raises:
        PolicyError: If nothing is there.
    """
    real = Path(path).resolve()
    if not real.exists():
        raise PolicyError(f"no such file or folder: {path}", hint="create it first")
    return str(real)

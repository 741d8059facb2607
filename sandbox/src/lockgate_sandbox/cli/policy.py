"""``lockgate-sandbox policy``: print a policy, compare two, or say one in words.

Nothing is started and nothing is written. Status 0; 1 if a `diff` has differences;
3 if a policy makes no sense.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lockgate_sandbox.cli._complaint import INVALID, complain
from lockgate_sandbox.cli._options import add_policy_options, policy_of
from lockgate_sandbox.errors import PolicyError, SandboxError
from lockgate_sandbox.explain import explain
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.policy_file import read_policy
from lockgate_sandbox.tiers import Tier

__all__ = ["ABOUT", "add_arguments", "main"]

ABOUT = (
    "Print a policy, compare two, or say one in words. Nothing is started. Exit "
    "status: 0; 1 if the two differ; 3 if a policy makes no sense."
)
"""What ``--help`` says."""

_DIFFERENT = 1
_TIERS = [str(tier) for tier in Tier if tier is not Tier.SYSTEM]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``policy``."""
    verbs = parser.add_subparsers(dest="policy_verb", required=True, metavar="WHAT")
    for name, about in (
        ("show", "print the policy that options or a file make"),
        ("explain", "say in words what a policy lets code do, and what not"),
    ):
        verb = verbs.add_parser(name, help=about, description=_sentence(about))
        add_policy_options(verb)
        text = f"FILE.json, or a tier: {', '.join(_TIERS)}; instead of options"
        verb.add_argument("given", metavar="POLICY", nargs="?", help=text)
        verb.add_argument("--json", action="store_true", help="print JSON")
    about = "say what changes from one policy to another: + more, - less"
    diff = verbs.add_parser("diff", help=about, description=_sentence(about))
    for name in ("before", "after"):
        text = f"FILE.json, or a tier: {', '.join(_TIERS)}"
        diff.add_argument(name, metavar=name.upper(), help=text)
    diff.add_argument("--json", action="store_true", help="print JSON")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def main(args: argparse.Namespace) -> int:
    """Do what parsed arguments ask for; gives the exit status."""
    try:
        if args.policy_verb == "diff":
            return _diff(_named(args.before), _named(args.after), as_json=args.json)
        policy = _asked(args)
    except SandboxError as error:
        complain(error, as_json=args.json)
        return INVALID
    if args.policy_verb == "show":
        _print(policy.to_dict() if args.json else policy.describe())
    else:
        told = explain(policy)
        _print(told.to_dict() if args.json else str(told))
    return 0


def _asked(args: argparse.Namespace) -> Policy:
    """The policy of a name that was given alone, or else of the options."""
    if args.given is None:
        return policy_of(args)
    if args.tier or args.policy:
        raise PolicyError(
            f"{args.given} is a policy, and --tier or --policy is another one",
            hint="leave one of them out",
        )
    name = "tier" if _is_tier(args.given) else "policy"
    return policy_of(argparse.Namespace(**{**vars(args), name: args.given}))


def _is_tier(name: str) -> bool:
    """Whether `name` is a tier's, and no file's.

    Raises:
        PolicyError: If it can be neither.
    """
    if Path(name).exists():
        return False
    if name not in _TIERS and name.replace("-", "").isalpha():
        raise PolicyError(
            f"{name} is neither a tier nor a file",
            hint=f"tiers are: {', '.join(_TIERS)}",
        )
    return name in _TIERS


def _named(name: str) -> Policy:
    """The policy of a tier's name, or else of a file."""
    if _is_tier(name):
        return Policy.for_tier(name)
    return read_policy(name)


def _diff(before: Policy, after: Policy, *, as_json: bool) -> int:
    changes = before.diff(after)
    if as_json:
        _print({"changes": [change.to_dict() for change in changes]})
    else:
        for change in changes:
            print(change)
    return _DIFFERENT if changes else 0


def _print(document: object) -> None:
    if isinstance(document, str):
        print(document)
    else:
        json.dump(document, sys.stdout, indent=2)
        print()

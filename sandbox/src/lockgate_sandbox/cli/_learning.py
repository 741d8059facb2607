"""``lockgate-sandbox learn``, from its parsed arguments to the policy's file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._spelling.written import ways
from lockgate_sandbox.cli._asking import ask, can_ask
from lockgate_sandbox.cli._complaint import REFUSED, complain
from lockgate_sandbox.cli._learned import JsonTeller, Teller, TextTeller
from lockgate_sandbox.cli._once import check_file, run_once, source_of
from lockgate_sandbox.cli._options import existing, policy_of
from lockgate_sandbox.cli._policy_out import (
    PolicyOut,
    Written,
    check_guarded,
    written_by,
)
from lockgate_sandbox.cli._report import grant_for
from lockgate_sandbox.cli._rounds import Learned, Outcome, Round, rounds
from lockgate_sandbox.cli._tail import Tail
from lockgate_sandbox.errors import PolicyError, SandboxError
from lockgate_sandbox.learning import Bounds
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial

__all__ = ["learn"]

_UNSETTLED = 1


def learn(args: argparse.Namespace) -> int:
    """Learn what parsed arguments ask for; gives the exit status."""
    teller: Teller = JsonTeller(args) if args.json else TextTeller(args)
    try:
        before = policy_of(args)
        bounds = _bounds(args)
        source = source_of(args)
        if source is None:
            check_file(args.file)
        check_guarded(_guarded(args), before)
        out = _out(args)
        learned = Learned(before, list(args.path))
        try:
            last = _learn(learned, args, source, bounds, teller)
        except SandboxError as error:
            if not learned.added:
                raise
            # Each a word of the owner's, who is not asked twice.
            teller.broken(before, learned, _write(out, learned), error)
            return REFUSED
    except SandboxError as error:
        complain(error, as_json=args.json)
        return REFUSED
    except OSError as failed:
        print(f"lockgate-sandbox: {failed}", file=sys.stderr)
        return REFUSED
    written = _write(out if bounds or _asks(args) else None, learned)
    teller.end(before, learned, last, written)
    return 0 if last.settled and written.outcome != "failed" else _UNSETTLED


def _write(out: PolicyOut | None, learned: Learned) -> Written:
    return Written("left") if out is None else out.write(learned.policy)


def _out(args: argparse.Namespace) -> PolicyOut | None:
    if not args.out:
        return None
    return PolicyOut(args.out, begun=args.policy, replace=args.replace)


def _asks(args: argparse.Namespace) -> bool:
    return not args.json and not args.no_ask and can_ask()


def _learn(
    learned: Learned,
    args: argparse.Namespace,
    source: bytes | None,
    bounds: Bounds,
    teller: Teller,
) -> Round:
    """Run it as often as it takes; gives the last round."""
    last: Round | None = None
    teller.begin(asks=_asks(args), bounds=bounds)

    def run(policy: Policy, path: Sequence[str]) -> Outcome:
        return _run(policy, path, args, source)

    for last in rounds(
        learned,
        run,
        bounds=bounds,
        ask=ask if _asks(args) else None,
        limit=args.rounds,
        script=args.file if source is None else "",
        guarded=_guarded(args),
        heard=teller.ended,
    ):
        teller.round(last)
    if last is None:
        raise PolicyError("nothing was run")
    return last


def _run(
    policy: Policy, path: Sequence[str], args: argparse.Namespace, source: bytes | None
) -> Outcome:
    denied: list[Denial] = []
    stdin = _open(args.stdin, [*written_by(policy), *_bounds(args).write])
    try:
        with Tail() as tail:
            result = run_once(
                policy,
                args,
                source,
                _advice,
                denied,
                path=path,
                stdio=(stdin, tail.fd, tail.fd),
            )
    finally:
        os.close(stdin)
    # What a broker refused is a fact and comes first: the rest are the file's words.
    told = tuple(dict.fromkeys((*denied, *result.denials)))
    return Outcome(policy, result, told, tail.text)


def _open(name: str | None, written: Sequence[str]) -> int:
    """What is read as standard input, opened with our rights.

    A link where the file may write may be its own, to what only we may read.
    """
    try:
        for link in ways(name or os.devnull)[1:]:
            if is_among(link, written):
                raise PolicyError(
                    f"{name} leads through the link {link}, where the file may write",
                    hint="name the place it should lead to",
                )
        return os.open(name or os.devnull, os.O_RDONLY)
    except OSError as error:
        raise PolicyError(f"{name}: {error.strerror}", hint="check the path") from error


def _advice(right: str, what: str) -> str:
    """A host that would be carried stands alone: it is read, and not for a person."""
    return what if right == "net" else grant_for(Denial(right, what), "")


def _bounds(args: argparse.Namespace) -> Bounds:
    return Bounds(
        read=tuple(existing(path) for path in args.yes_read),
        write=tuple(existing(path) for path in args.yes_write),
        hosts=tuple(args.yes_net),
        env=tuple(args.yes_env),
    )


def _guarded(args: argparse.Namespace) -> list[str]:
    """What the file may never change: it says what the file may do, or did."""
    return [path for path in (args.policy, args.out, args.audit) if path]

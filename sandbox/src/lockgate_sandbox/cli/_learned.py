"""What is told of a learner's runs: in words on standard error, or as JSON lines."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from typing import Protocol

from lockgate_sandbox.cli._asking import tried
from lockgate_sandbox.cli._complaint import complain
from lockgate_sandbox.cli._more import more_of
from lockgate_sandbox.cli._policy_out import Written
from lockgate_sandbox.cli._rounds import Learned, Outcome, Round
from lockgate_sandbox.cli._tail import tail_lines
from lockgate_sandbox.errors import SandboxError
from lockgate_sandbox.learning import Bounds
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.policy_file import policy_text
from lockgate_sandbox.results import error_document
from lockgate_sandbox.terminal import clean, quoted

__all__ = ["JsonTeller", "Teller", "TextTeller"]

_OUTPUT_LINES = 10
_OUTPUT_CHARS = 4_096
_MARGIN = 6


class Teller(Protocol):
    """Hears of what happens, in this order; `end` once, or `broken` in its place.

    It is broken if it could not be run again, after something had been granted.
    """

    def begin(self, *, asks: bool, bounds: Bounds) -> None: ...
    def ended(self, number: int, outcome: Outcome) -> None: ...
    def round(self, done: Round) -> None: ...
    def end(
        self, before: Policy, learned: Learned, last: Round, written: Written
    ) -> None: ...
    def broken(
        self, before: Policy, learned: Learned, written: Written, why: SandboxError
    ) -> None: ...


class JsonTeller:
    """A line of JSON for each round, and one for the end, on standard output."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args

    def begin(self, *, asks: bool, bounds: Bounds) -> None:
        """Nothing is told before there is something."""

    def ended(self, number: int, outcome: Outcome) -> None:
        """A round tells of it."""

    def round(self, done: Round) -> None:
        """One line: how it ended, what it was denied, and what came of that."""
        outcome = done.outcome
        _line(
            {
                "round": done.number,
                "status": outcome.result.status,
                "error": error_document(outcome.result.error),
                "output": outcome.output[-_OUTPUT_CHARS:],
                "denials": [[one.right, one.what] for one in outcome.denied],
                "granted": [one.to_dict() for one in done.granted],
                "refused": [one.to_dict() for one in done.refused],
                "left": [one.to_dict() for one in done.left],
            }
        )

    def end(
        self, before: Policy, learned: Learned, last: Round, written: Written
    ) -> None:
        """The last line: the policy, and what makes it another one than before."""
        _line({"settled": last.settled, **self._policy(before, learned, written)})

    def broken(
        self, before: Policy, learned: Learned, written: Written, why: SandboxError
    ) -> None:
        """The same line, with the error."""
        told = self._policy(before, learned, written)
        _line({"settled": False, **told, "error": error_document(why)})

    def _policy(
        self, before: Policy, learned: Learned, written: Written
    ) -> dict[str, object]:
        return {
            "policy": json.loads(policy_text(learned.policy)),
            "path": learned.path,
            "changes": [one.to_dict() for one in before.diff(learned.policy)],
            "written": self._args.out if written.there else None,
        }


def _line(document: dict[str, object]) -> None:
    print(json.dumps(document), flush=True)


class TextTeller:
    """Words on standard error; the policy itself, if it goes to no file, on output."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._asks = False
        self._bounds = Bounds()
        self._told = set[str]()

    def begin(self, *, asks: bool, bounds: Bounds) -> None:
        """Say that it is run again and again, before it is."""
        self._asks, self._bounds = asks, bounds
        times = "once" if not (asks or bounds) else f"up to {self._args.rounds} times"
        _say(f"lockgate-sandbox: {clean(self._args.file)} is run {times}, sealed.")
        if asks or bounds:
            _say(
                "  What it does with what you grant happens each time: files change, "
                "requests are sent."
            )
        else:
            _say(
                "  Nothing is granted: no terminal to ask at, and no --yes-... option."
            )

    def ended(self, number: int, outcome: Outcome) -> None:
        """How a run ended, and the last that it printed."""
        status, error = outcome.result.status, outcome.result.error
        denied = _things(len(outcome.denied))
        _say(f"\nrun {number}: ended with {status}, was denied {denied}")
        if error is not None:
            _say(f"  {clean(error)} [{error.code}]")
            if way := more_of(error, outcome.policy, self._args):
                _say(f"  hint: {way}")
        width = shutil.get_terminal_size().columns - _MARGIN
        for line in tail_lines(outcome.output, _OUTPUT_LINES, max(width, 20)):
            _say(f"  | {line}")

    def round(self, done: Round) -> None:
        """What was granted unasked, what was not, and what can't be."""
        for one in done.granted:
            if self._bounds.narrowed(one) is not None:
                _say(f"  granted, within bounds: {one.phrase}")
        for one in done.refused if not self._asks else ():
            self._once(tried(one), f"would allow it: {one.phrase}")
        for denial in done.left:
            self._once(f"{denial.right} {quoted(denial.what)}", clean(denial.grant))

    def _once(self, what: str, why: str) -> None:
        """Tell of a refusal, and not again after each run."""
        if why not in self._told:
            _say(f"  refused: {what}\n    {why}")
        elif what not in self._told:
            _say(f"  refused: {what}")
        self._told |= {what, why}

    def end(
        self, before: Policy, learned: Learned, last: Round, written: Written
    ) -> None:
        """What was learned: the difference in words, and how to run it so."""
        self._told_of(_verdict(learned, last), before, learned, written)

    def broken(
        self, before: Policy, learned: Learned, written: Written, why: SandboxError
    ) -> None:
        """What was granted by then, and why it was not run with that."""
        self._told_of("It could not be run again.", before, learned, written)
        complain(why)

    def _told_of(
        self, verdict: str, before: Policy, learned: Learned, written: Written
    ) -> None:
        _say(f"\n{verdict}")
        _differences(before, learned)
        for one in learned.never.values():
            _say(f"never: {one.phrase}")
        if not self._args.out:
            print(policy_text(learned.policy), end="")
        elif written.outcome == "left":
            _say(f"not written: {clean(self._args.out)}, since nobody was asked")
        elif written.there:
            self._file(learned, written)

    def _file(self, learned: Learned, written: Written) -> None:
        """What became of the file, and how to run under it."""
        name = clean(self._args.out)
        _say(f"{written.outcome}: {name}")
        if written.before is not None and self._args.policy != self._args.out:
            changes = written.before.diff(learned.policy)
            _say(f"Compared with what {name} said{':' * bool(changes) or ', nothing.'}")
            for change in changes:
                _say(f"  {clean(change)}")
        if not self._args.code:
            _say(f"to run it so: {clean(self._command(learned))}")

    def _command(self, learned: Learned) -> str:
        paths = [word for path in learned.path for word in ("--path", path)]
        words = ["--policy", self._args.out, *paths, self._args.file, *self._args.argv]
        return shlex.join(["lockgate-sandbox", "run", *words])


def _verdict(learned: Learned, last: Round) -> str:
    if last.settled:
        return "It did its work: the last run ended with 0 and was denied nothing."
    if last.granted and not learned.stopped:
        return "It was not run with the last grants: --rounds gives it more runs."
    status = last.outcome.result.status
    missed = len(last.refused) + len(last.left)
    if not missed:
        return f"The last run ended with {status}, and was denied nothing."
    things = f"{_things(missed)} not granted"
    return f"The last run ended with {status}, and tried {things}."


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def _differences(before: Policy, learned: Learned) -> None:
    changes = before.diff(learned.policy)
    if not changes and not learned.added:
        _say("Nothing was granted.")
        return
    _say("Granted, compared with what it began with:")
    for change in changes:
        _say(f"  {clean(change)}")
    for one in learned.added:
        if one.right == "path":
            _say(f"  + {one.phrase} (--path)")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

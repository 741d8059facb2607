"""``lockgate bisect -- COMMAND…``: which plugin breaks this command?"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lockgate._bisection import smallest_failing
from lockgate.cli._output import clean, print_json, print_lines
from lockgate.cli._progress import Report, progress
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import UsageError

__all__ = ["add", "run"]

_ERROR_CODE = re.compile(rb"^error\[([a-z0-9-]+)\]|\"code\": \"([a-z0-9-]+)\"", re.M)
_EXIT_TIMEOUT = 124


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Find the plugins that make a lockgate command fail, by running it again "
        "and again with others switched off. Example: lockgate bisect -- call "
        "analyze tree=@src"
    )
    parser = subparsers.add_parser("bisect", description=about)
    parser.add_argument(
        "--text",
        metavar="REGEX",
        help="the failure is that the output matches REGEX (default: the exit "
        "status, and the error's code if it prints one)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds that one run may take; longer is a failure of its own kind",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND…")


def run(args: argparse.Namespace) -> int:
    """Search, and tell; 0 if plugins were found, 1 if it fails without any.

    Raises:
        UsageError: If the command does not fail, or there is none.
    """
    words: list[str] = args.command
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise UsageError("bisect needs a command", hint="lockgate bisect -- COMMAND…")
    names = [one.name for one in installed(settings(args)).plugins if one.usable]
    trial = _Trial(words, names, _own_options(args), args.timeout, _pattern(args.text))
    with progress("bisect", quiet=args.json) as trial.report:
        failure = trial.outcome(names)
        if not failure.failed:
            raise UsageError(
                f"the command does not fail ({failure}): there is nothing to find",
                hint="If it works but prints what it should not, say so: "
                f"lockgate bisect --text REGEX -- {' '.join(words)}",
            )
        guilty = smallest_failing(names, lambda only: trial.outcome(only) == failure)
        found = [_part(trial, guilty, name, failure) for name in guilty]
    if args.json:
        data = {"command": words, "failure": failure.to_dict(), "runs": trial.runs}
        print_json({**data, "plugins": [one.to_dict() for one in found]})
    else:
        print_lines(_told(trial, failure, found))
    return 0 if found else 1


def _pattern(text: str | None) -> re.Pattern[bytes] | None:
    try:
        return None if text is None else re.compile(text.encode())
    except re.error as error:
        message = f"--text {text!r} is no regular expression: {error}"
        raise UsageError(message) from None


def _own_options(args: argparse.Namespace) -> list[str]:
    """The global options that this run was given, for the runs it makes."""
    found = [word for one in args.overrides for word in ("--set", one)]
    found += [word for one in args.chosen for word in ("-p", one)]
    return [*found, "--safe"] if args.safe else found


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one run ended; equal outcomes are the same failure.

    With ``--text`` only `matched` counts: whether the output was the one.
    """

    status: int = 0
    code: str = ""
    matched: bool | None = None

    @property
    def failed(self) -> bool:
        """Whether it is a failure at all, this one or another."""
        return self.status != 0 if self.matched is None else self.matched

    def to_dict(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        return {"status": self.status, "code": self.code, "matched": self.matched}

    def __str__(self) -> str:
        if self.matched is not None:
            return "the output matches" if self.matched else "the output does not match"
        if self.status == _EXIT_TIMEOUT:
            return "no end in time"
        if not self.failed:
            return "it works"
        return f"status {self.status}" + (f", {self.code}" if self.code else "")


@dataclass(slots=True)
class _Trial:
    """The command, and how to run it with only some of the plugins."""

    words: Sequence[str]
    names: Sequence[str]
    options: Sequence[str]
    timeout: float
    text: re.Pattern[bytes] | None
    runs: int = 0
    report: Report | None = None

    def outcome(self, only: Sequence[str]) -> _Outcome:
        """Run the command with the plugins `only`."""
        self.runs += 1
        if self.report is not None:
            told = f"run {self.runs}, {len(only)} of {len(self.names)} plugins"
            self.report(told, None)
        off = [word for n in self.names if n not in only for word in ("-p", f"no:{n}")]
        # Without -P a folder `lockgate` of the working folder would be run instead.
        lockgate = [sys.executable, "-P", "-m", "lockgate"]
        command = [*lockgate, *self.options, *off, *self.words]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self.timeout,
                env={**os.environ, "LOCKGATE_COLOR": "never"},
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return self._judged(_EXIT_TIMEOUT, late.stdout or b"")
        return self._judged(done.returncode, done.stdout)

    def _judged(self, status: int, output: bytes) -> _Outcome:
        if self.text is not None:
            return _Outcome(matched=self.text.search(output) is not None)
        found = _ERROR_CODE.search(output) if status else None
        return _Outcome(status, (found[1] or found[2]).decode() if found else "")


@dataclass(frozen=True, slots=True)
class _Part:
    """What a plugin that is needed for the failure has to do with it."""

    plugin: str
    guilty: bool
    said: str
    without: _Outcome

    def to_dict(self) -> dict[str, object]:
        """The part as ``--json`` prints it."""
        who = {"plugin": self.plugin, "guilty": self.guilty, "part": self.said}
        return {**who, "without": self.without.to_dict()}


def _part(trial: _Trial, needed: Sequence[str], name: str, failure: _Outcome) -> _Part:
    """Judge one of the plugins without which the failure does not come about.

    A command may need a plugin to get as far as the failure: then it fails
    without it too, only otherwise.
    """
    without = trial.outcome([one for one in trial.names if one != name])
    if not without.failed:
        together = "" if len(needed) == 1 else ", together with the others here"
        return _Part(name, True, f"breaks it{together}", without)
    if without == failure:
        return _Part(name, True, "breaks it, and is not the only one", without)
    return _Part(name, False, "is needed for the command to get that far", without)


def _told(trial: _Trial, failure: _Outcome, found: Sequence[_Part]) -> list[str]:
    command = " ".join(trial.words)
    lines = [f"{command}: {failure}; looked at in {trial.runs} runs"]
    if not found:
        lines.append("  no plugin's doing: it fails like this without any")
        if failure.status == 2:
            lines.append(f"  its words may be wrong: lockgate {trial.words[0]} --help")
        return [clean(line) for line in lines]
    for one in found:
        lines.append(f"  {one.plugin} {one.said} (without it: {one.without})")
    lines += [
        f"  try: lockgate disable {one.plugin}, or look: lockgate info {one.plugin}"
        for one in found
        if one.guilty
    ]
    return [clean(line) for line in lines]

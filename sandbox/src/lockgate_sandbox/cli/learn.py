"""``lockgate-sandbox learn``: the smallest policy under which a file does its work.

It runs the file sealed, proposes the grants that would allow what it was denied, asks
its owner about each, and runs it again, until nothing is denied or nothing more is
granted. Where nobody can be asked, only what lies within bounds is granted.
"""

from __future__ import annotations

import argparse

from lockgate_sandbox.cli._once import add_file_arguments, add_file_options
from lockgate_sandbox.cli._options import count

__all__ = ["ABOUT", "add_arguments", "main"]

ABOUT = (
    "Find the smallest policy under which a Python file does its work: run it sealed, "
    "ask about each grant that would allow what it was denied, and run it again. It is "
    "run several times, and what it does with what is granted happens each time. Exit "
    "status: 0 if it ended with 0 and was denied nothing; 1 if not; 125 if it was not "
    "started."
)
"""What ``--help`` says."""

_ROUNDS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``learn``."""
    add_file_options(parser)
    add = parser.add_argument
    for name, what, about in (
        ("read", "PATH", "grant unasked: to read what lies below; may be repeated"),
        ("write", "PATH", "grant unasked: to change what lies below; may be repeated"),
        ("net", "HOST", "grant unasked: to reach this host, or part of the grant"),
        ("env", "NAME", "grant unasked: to see this variable of yours"),
    ):
        add(f"--yes-{name}", metavar=what, action="append", default=[], help=about)
    about = "ask nothing: what is not granted unasked is refused"
    add("--no-ask", action="store_true", help=about)
    about = f"run it so many times at most; default: {_ROUNDS}"
    add("--rounds", metavar="N", type=count, default=_ROUNDS, help=about)
    about = "what it reads as standard input, each time from the beginning"
    add("--stdin", metavar="FILE", help=about)
    add("--out", metavar="FILE", help="write the policy here; default: print it")
    about = "FILE of --out may be there already: replace it"
    add("--replace", action="store_true", help=about)
    about = "print JSON, a line for each run and one for the end; asks nothing"
    add("--json", action="store_true", help=about)
    add_file_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Learn what parsed arguments ask for; gives the exit status."""
    from lockgate_sandbox.cli._learning import learn  # the other verbs need none of it

    return learn(args)

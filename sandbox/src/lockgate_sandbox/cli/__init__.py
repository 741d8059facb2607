"""``lockgate-sandbox``: the command line, one module for each verb.

A verb's module has ``ABOUT`` (what ``--help`` says), ``add_arguments(parser)`` and
``main(args)``, which gives the exit status. Another command line builds the verbs
into its own with `add_verbs` and `dispatch`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from lockgate_sandbox.cli._parser import Parser

__all__ = ["VERBS", "Verb", "add_verbs", "dispatch", "main", "parser"]

_INTERRUPTED = 130
_NO_READER = 141
"""128 + SIGINT, as a shell tells it."""


class Verb(NamedTuple):
    """A verb: the module that is it, and its line in the help."""

    module: str
    summary: str


VERBS = {
    "run": Verb("lockgate_sandbox.cli.run", "run one Python file under a policy"),
    "learn": Verb(
        "lockgate_sandbox.cli.learn", "find the smallest policy that a file needs"
    ),
    "policy": Verb(
        "lockgate_sandbox.cli.policy", "print a policy, compare two, or explain one"
    ),
    "doctor": Verb("lockgate_sandbox.cli.doctor", "try what holds on this machine"),
    "scan": Verb(
        "lockgate_sandbox.cli.scan", "say what source would do, without running it"
    ),
    "completion": Verb(
        "lockgate_sandbox.cli.completion", "let a shell complete lockgate-sandbox"
    ),
}
"""Every verb, in the order of the help."""


def add_verbs(parser: argparse.ArgumentParser) -> None:
    """Give `parser` a subcommand for each verb."""
    verbs = parser.add_subparsers(
        dest="sandbox_verb", required=True, metavar="VERB", parser_class=Parser
    )
    for name, verb in VERBS.items():
        module = import_module(verb.module)
        module.add_arguments(
            verbs.add_parser(
                name, help=verb.summary, description=module.ABOUT, allow_abbrev=False
            )
        )


def dispatch(args: argparse.Namespace) -> int:
    """Do what was parsed by a parser with `add_verbs`; gives the exit status."""
    status: int = import_module(VERBS[args.sandbox_verb].module).main(args)
    return status


class _Version(argparse.Action):
    """Looked up only when it is asked for: that reads files."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        try:
            version = metadata.version("lockgate-sandbox")
        except metadata.PackageNotFoundError:
            version = "(on the path, not installed)"
        print(f"lockgate-sandbox {version}")
        parser.exit()


def parser() -> Parser:
    """The parser of the whole command line."""
    made = Parser(
        prog="lockgate-sandbox",
        description="Run Python that you did not write under a kernel-enforced policy.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action=_Version, help="tell the version")
    add_verbs(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Parse `argv` (default: the process's) and do it; gives the exit status."""
    try:
        status = dispatch(parser().parse_args(argv))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nlockgate-sandbox: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NO_READER
    return status

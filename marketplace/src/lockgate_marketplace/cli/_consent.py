"""The options that say what is agreed to, and the question where none does."""

from __future__ import annotations

import argparse
import sys

from lockgate.verb import confirm, is_terminal, one_line
from lockgate_marketplace.cli._overrides import add_accepts
from lockgate_marketplace.cli._policy import add_policy
from lockgate_marketplace.cli._told import introduced
from lockgate_marketplace.consent import Word
from lockgate_marketplace.install.agreed import Ask, Case

__all__ = ["add_consent", "asking", "word_of"]


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Describe the options that say what is agreed to."""
    rights = parser.add_mutually_exclusive_group()
    rights.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="RIGHT",
        help="agree to this right",
    )
    rights.add_argument(
        "--grant-all", action="store_true", help="agree to all that it asks for"
    )
    rights.add_argument(
        "--no-rights", action="store_true", help="install it, and grant nothing"
    )
    add_policy(parser)
    add_accepts(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="judge it, and change nothing"
    )


def word_of(args: argparse.Namespace) -> Word:
    """What the options of `add_consent` say."""
    return Word(frozenset(args.grant), all=args.grant_all, none=args.no_rights)


def asking(args: argparse.Namespace, shown: set[str] | None = None) -> Ask:
    """The question to whoever sits at the terminal, unless JSON is wanted.

    The plugins that it was asked about come into `shown`: all was told of them.
    """

    def ask(case: Case) -> bool | None:
        if args.json or not is_terminal():
            return None
        if shown is not None:
            shown.add(case.name)
        # Beside the question, wherever standard output goes.
        for line in introduced(case):
            sys.stderr.write(f"{one_line(line)}\n")
        return confirm("Agree to all of this?")

    return ask

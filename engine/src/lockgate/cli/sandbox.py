"""``lockgate sandbox run``: one Python file under a policy.

The same command as ``python -m lockgate_sandbox run``; its statuses are its own:
the file's, 124 (wall limit), 125 (refused to start), 137 (killed for a limit).
"""

from __future__ import annotations

import argparse

from lockgate.cli._session import Subparsers

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    from lockgate_sandbox.run import ABOUT, add_arguments

    parser = subparsers.add_parser("sandbox", description="Run code under a policy.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    help_line = "run one Python file under a policy"
    parser = verbs.add_parser(
        "run", help=help_line, description=ABOUT, allow_abbrev=False
    )
    add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the file; the status is its own, or says why it was ended."""
    from lockgate_sandbox.run import main

    return main(args)

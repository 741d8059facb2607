"""``lockgate sandbox``: the sandbox's own command line, under our name.

The same verbs as ``python -m lockgate_sandbox``; their statuses are their own. Those
of ``run``: the file's, 124 (wall limit), 125 (refused to start), 137 (killed for a
limit).
"""

from __future__ import annotations

import argparse

from lockgate.cli._session import Subparsers

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    from lockgate_sandbox.cli import add_verbs

    about = "Run code under a policy, look at policies, and at what holds here."
    add_verbs(subparsers.add_parser("sandbox", description=about))


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; the status is its own."""
    from lockgate_sandbox.cli import dispatch

    return dispatch(args)

"""``lockgate test``: run a project's tests, in this process and in sealed workers."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from lockgate.cli._output import print_json
from lockgate.cli._session import Subparsers

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Run a plugin's tests with pytest; what follows -- is for pytest."
    parser = subparsers.add_parser("test", description=about)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".")
    parser.add_argument(
        "--json", action="store_true", help="print JSON; pytest writes to stderr"
    )
    _keep_the_rest(parser)


def _keep_the_rest(parser: argparse.ArgumentParser) -> None:
    """What follows ``--`` is pytest's, options too: argparse would take the first."""
    plain = parser.parse_known_args

    def parse(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = list(args or ())
        end = words.index("--") if "--" in words else len(words)
        into = argparse.Namespace() if namespace is None else namespace
        into.rest = words[end + 1 :]
        return plain(words[:end], into)

    vars(parser)["parse_known_args"] = parse


def run(args: argparse.Namespace) -> int:
    """Run them. Status 1 if one fails, or there are none."""
    from lockgate.project import find_project
    from lockgate.project._run import python_of, run_tests

    project = find_project(args.folder)
    started = time.monotonic()
    sys.stdout.flush()
    status = run_tests(project, args.rest, quiet=args.json)
    if args.json:
        seconds = round(time.monotonic() - started, 3)
        print_json(
            {
                "plugin": project.plugin,
                "folder": str(project.folder),
                "python": python_of(project),
                "passed": status == 0,
                "pytest_status": status,
                "seconds": seconds,
            }
        )
    return 0 if status == 0 else 1

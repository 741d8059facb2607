"""``lockgate new KIND NAME``: a plugin's project to begin with.

Asks for what was not said, but only on a terminal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate._manifest.kind_names import ADAPTER, WITH_HOOKS
from lockgate.cli._output import clean, print_json, print_lines
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import UsageError
from lockgate.quantities import counted

if TYPE_CHECKING:
    from lockgate.project._new import Adder

__all__ = ["add", "run"]

_BUILT_IN = (*WITH_HOOKS, ADAPTER)


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Make a new plugin's project: code, manifest, tests, README, CI."
    parser = subparsers.add_parser("new", description=about)
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        default="",
        help=f"{', '.join(_BUILT_IN)}, or one that an installed plugin adds",
    )
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="like word-count"
    )
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where its folder goes (here)"
    )
    parser.add_argument("--summary", metavar="TEXT", default="", help="one line")
    parser.add_argument("--json", action="store_true", help="print JSON; ask nothing")


def run(args: argparse.Namespace) -> int:
    """Write the project, and say what comes next.

    Raises:
        UsageError: If what was said is no kind, or no name that can be used.
    """
    from lockgate.project._new import check_name, make_project

    asks = sys.stdin.isatty() and sys.stdout.isatty() and not args.json
    added = {} if args.kind in _BUILT_IN else _added(args)
    choices = (*_BUILT_IN, *added)
    kind: str = args.kind or _chosen("Which kind of plugin?", choices, asks=asks)
    name: str = args.name
    while not name:
        question = "What shall it be called, like word-count?"
        answer = _asked(question, "NAME", f"lockgate new {kind} word-count", asks=asks)
        try:
            name = _free(check_name(answer), args)
        except UsageError as error:
            print_lines([f"{error.message}. {error.hint}"])
    _free(name, args)
    place = make_project(
        kind, name, summary=args.summary, out=Path(args.out), added=added
    )
    files = sorted(
        path.relative_to(place).as_posix()
        for path in place.rglob("*")
        if path.is_file()
    )
    if args.json:
        whole = str(place.resolve())
        data = {"folder": whole, "kind": kind, "name": name, "files": files}
        print_json(data)
        return 0
    print_lines(_next_steps(clean(str(place)), len(files)))
    return 0


def _free(name: str, args: argparse.Namespace) -> str:
    """`name`, which no plugin that is installed has.

    Raises:
        UsageError: If one has it.
    """
    for plugin in installed(settings(args)).plugins:
        if plugin.name == name:
            whose = clean(plugin.distribution or plugin.location)
            raise UsageError(
                f"a plugin named {name!r} is installed already: {whose}",
                hint=f"Two of one name keep each other out of use: 'my-{name}'?",
            )
    return name


def _next_steps(shown: str, files: int) -> list[str]:
    from lockgate._installer import pip_command

    return [
        f"Made {shown}: {counted(files, 'file')}.",
        "",
        f"  cd {shown}",
        f"  {pip_command('install', '-e', '.', 'pytest')}",
        "  lockgate check",
        "  lockgate test",
    ]


def _added(args: argparse.Namespace) -> dict[str, Adder]:
    """The kinds that installed plugins add, of which a project can be made too."""
    from lockgate._seating.registry import adders
    from lockgate.project._new import Adder

    states = adders(installed(settings(args)).plugins)
    return {
        kind.name: Adder(kind, state.name)
        for state in states.values()
        if state.manifest is not None
        for kind in state.manifest.added_kinds
    }


def _asked(question: str, word: str, example: str, *, asks: bool) -> str:
    if not asks:
        raise UsageError(f"{word} is missing", hint=f"For example: {example}")
    try:
        return input(f"{question} ").strip()
    except EOFError:
        raise KeyboardInterrupt from None


def _chosen(question: str, choices: Sequence[str], *, asks: bool) -> str:
    if asks:
        lines = [f"  {number} {choice}" for number, choice in enumerate(choices, 1)]
        print_lines([question, *lines])
    example = f"lockgate new analyzer word-count. Kinds: {', '.join(choices)}."
    while True:
        answer = _asked("Number or word:", "KIND", example, asks=asks)
        if answer in choices:
            return answer
        if answer.isdigit() and 0 < int(answer) <= len(choices):
            return choices[int(answer) - 1]

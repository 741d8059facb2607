"""``lockgate find FIELD=WORD…``: which installed plugins can do something."""

from __future__ import annotations

import argparse

from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.cli.list import STATE_COLORS

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    from lockgate.find import FIELDS

    about = (
        "Find installed plugins by what they say of themselves. No plugin is imported, "
        f"nothing is fetched. Fields: {', '.join(FIELDS)}."
    )
    parser = subparsers.add_parser("find", description=about)
    parser.add_argument(
        "query",
        metavar="FIELD=WORD",
        nargs="+",
        help="all of them must be true; a word alone is text=WORD",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the plugins that the whole query is true of. None is no failure.

    Raises:
        UsageError: If a field is unknown.
    """
    from lockgate.find import find_plugins

    query: dict[str, list[str]] = {}
    for word in args.query:
        field, separator, value = word.partition("=")
        if not separator:
            field, value = "text", word
        query.setdefault(field, []).append(value)
    find_plugins((), query)  # a field that is none is told before anything is read
    found = find_plugins(installed(settings(args)).plugins, query)
    if args.json:
        print_json({"plugins": [plugin.to_dict() for plugin in found]})
        return 0
    if not found:
        print_lines(["No plugins found."])
        return 0
    rows = [
        [p.name, p.version or "-", ",".join(p.kinds) or "-", p.state, p.summary]
        for p in found
    ]
    print_table(
        ["name", "version", "kinds", "state", "about"], rows, colors=STATE_COLORS
    )
    return 0

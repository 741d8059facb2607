"""``lockgate rollback``: put what was installed before in force again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lockgate.installed import Generation
from lockgate.verb import (
    Subparsers,
    one_line,
    print_json,
    print_lines,
    print_table,
    settings,
)
from lockgate_marketplace.store import Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Go back to an earlier generation: what was installed then is installed now."
    )
    parser = subparsers.add_parser("rollback", description=about)
    parser.add_argument(
        "number",
        nargs="?",
        type=int,
        default=0,
        metavar="N",
        help="a generation (default: the one that was in force before)",
    )
    parser.add_argument(
        "--list", action="store_true", help="list the generations, and change nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Switch, and say what that changed.

    Raises:
        StoreError: If there is no such generation, or something of it was collected.
        InstalledError: If the store is not sound, or can't be written.
    """
    store = Store(settings(args).data_dir)
    if args.list:
        return _listed(store, as_json=args.json)
    before = store.folder.read()
    after = store.rollback(args.number)
    changes = _changes(before, after)
    if args.json:
        rows = [
            {"distribution": name, "from": old, "to": new} for name, old, new in changes
        ]
        print_json(
            {"generation": after.number, "former": before.number, "changed": rows}
        )
        return 0
    print_lines(
        [f"Generation {after.number} is in force; before it was {before.number}."]
    )
    for name, old, new in changes:
        words = f"{old} -> {new}" if old and new else f"{old} is gone" if old else new
        print_lines([one_line(f"  {name} {words}")])
    if not changes:
        print_lines(["  nothing differs: the same versions are installed"])
    else:
        print_lines(["Hosts that run take it in with `lockgate reload`."])
    return 0


def _changes(before: Generation, after: Generation) -> list[tuple[str, str, str]]:
    """Distribution, version before and after (``""``: not installed)."""
    old = {entry.distribution: entry.version for entry in before.entries}
    new = {entry.distribution: entry.version for entry in after.entries}
    pairs = [(n, old.get(n, ""), new.get(n, "")) for n in sorted({*old, *new})]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _listed(store: Store, *, as_json: bool) -> int:
    current = store.folder.current()
    kept = list(store.generations())
    if as_json:
        print_json({"generations": [_data(one, current) for one in kept]})
        return 0
    if not kept:
        print_lines(["Nothing was ever installed into the store."])
        return 0
    rows = [
        ["*" if one.number == current else "", *_cells(one)] for one in reversed(kept)
    ]
    print_table(["", "number", "parent", "at", "installed", "what was done"], rows)
    return 0


def _cells(one: Generation) -> Sequence[str]:
    parent = str(one.parent) if one.parent else "-"
    return [str(one.number), parent, one.at, str(len(one.entries)), one.reason]


def _data(one: Generation, current: int) -> dict[str, object]:
    return {
        "number": one.number,
        "parent": one.parent,
        "at": one.at,
        "reason": one.reason,
        "in-force": one.number == current,
        "installed": {entry.distribution: entry.version for entry in one.entries},
    }

"""``lockgate verify``: hash the whole store again, and tell what changed."""

from __future__ import annotations

import argparse

from lockgate.verb import (
    Subparsers,
    colored,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.store import Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Hash every file of the store again. No plugin is imported."
    parser = subparsers.add_parser("verify", description=about)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is not as it was written; status 1 if anything is.

    Raises:
        InstalledError: If others may write to the store: nothing in it is believed.
    """
    store = Store(settings(args).data_dir)
    if store.folder.exists:
        store.folder.check()
    with progress("verifying", quiet=args.json) as tell:
        found = list(store.verify(tell))
    if args.json:
        print_json({"ok": not found, "damage": [one.to_dict() for one in found]})
        return 1 if found else 0
    for number, one in enumerate(found):
        word = colored("in use", "red") if one.used else colored("not in use", "dim")
        print_lines([one_line(f"{one.where}: {one.message}") + f" ({word})"])
        if [later.hint for later in found[number + 1 : number + 2]] != [one.hint]:
            print_lines([one_line(f"  {one.hint}")])
    if not found:
        print_lines(["Everything in the store is as it was written."])
    return 1 if found else 0

"""``lockgate gc``: take away what no kept generation of the store names."""

from __future__ import annotations

import argparse

from lockgate.errors import UsageError
from lockgate.verb import (
    Subparsers,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.store import KEEP, Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Take away wheels that no generation needs, and generations too old to keep."
    )
    parser = subparsers.add_parser("gc", description=about)
    parser.add_argument(
        "--keep",
        type=int,
        default=KEEP,
        metavar="N",
        help=f"generations to keep, the one in force too ({KEEP})",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Collect, and say what is gone.

    Raises:
        UsageError: If nothing is to be kept.
        InstalledError: If the store is not sound: nothing is taken then.
        StoreError: If something can't be removed.
    """
    keep: int = args.keep
    if keep < 1:
        raise UsageError("--keep must be 1 or more", hint="What is in force stays.")
    store = Store(settings(args).data_dir)
    if not store.folder.exists:
        found = None
    else:
        with progress("collecting", quiet=args.json):
            found = store.collect(keep, dry=args.dry_run)
    if args.json:
        print_json(
            {
                "kept": list(found.kept) if found else [],
                "generations": list(found.generations) if found else [],
                "wheels": list(found.wheels) if found else [],
                "merged": list(found.merged) if found else [],
                "in-use": list(found.in_use) if found else [],
                "bytes": found.size if found else 0,
                "dry-run": args.dry_run,
            }
        )
        return 0
    if found is None:
        print_lines(["Nothing was ever installed into the store."])
        return 0
    verb = "Would remove" if args.dry_run else "Removed"
    counts = f"{len(found.wheels)} wheel(s), {len(found.generations)} generation(s)"
    print_lines([f"{verb} {counts}, {found.size / 1e6:,.1f} MB."])
    print_lines(one_line(f"  {name}") for name in found.wheels)
    if found.in_use:
        names = ", ".join(found.in_use)
        hint = "`lockgate reload` lets go of what is old."
        print_lines([one_line(f"In use by hosts that run: {names}. {hint}")])
    return 0

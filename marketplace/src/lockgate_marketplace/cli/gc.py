"""``lockgate gc``: take away what no kept generation of the store names."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from lockgate.errors import UsageError
from lockgate.verb import (
    Subparsers,
    counted,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
    size,
)
from lockgate_marketplace.store import KEEP, Collected, Store

__all__ = ["add", "run"]

_NOTHING = Collected((), (), (), (), 0)


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
        print_json({**_data(found or _NOTHING), "dry-run": args.dry_run})
    elif found is None:
        print_lines(["Nothing was ever installed into the store."])
    else:
        print_lines(map(one_line, _lines(found, dry=args.dry_run)))
    return 0


def _data(found: Collected) -> dict[str, object]:
    return {
        "kept": list(found.kept),
        "generations": list(found.generations),
        "wheels": list(found.wheels),
        "merged": list(found.merged),
        "in-use": list(found.in_use),
        "bytes": found.size,
    }


def _lines(found: Collected, *, dry: bool) -> Iterator[str]:
    verb = "Would remove" if dry else "Removed"
    counts = f"{counted(len(found.wheels), 'wheel')}, "
    counts += counted(len(found.generations), "generation")
    yield f"{verb} {counts}, {size(found.size)}."
    yield from (f"  {name}" for name in found.wheels)
    if found.in_use:
        names = ", ".join(found.in_use)
        hint = "`lockgate reload` lets go of what is old."
        yield f"In use by hosts that run: {names}. {hint}"

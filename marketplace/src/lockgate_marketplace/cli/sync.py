"""``lockgate sync``: install what a lock file says, byte for byte."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.installed import Installed
from lockgate.verb import (
    Subparsers,
    clean,
    installed,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli.lock import FILE, lock_now
from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.install import check_locked, surroundings
from lockgate_marketplace.lock import (
    Lock,
    LockedWheel,
    differences,
    find_wheels,
    read_lock,
)
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Surroundings

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Install exactly the wheels that a lock file names, in one step. It grants "
        "nothing and takes nothing away. No plugin is imported."
    )
    parser = subparsers.add_parser("sync", description=about)
    parser.add_argument("--file", default=FILE, metavar="FILE", help=f"default: {FILE}")
    parser.add_argument(
        "--wheels", metavar="DIR", help="the folder that wheels are taken from"
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Look for every wheel, then install all of them; tell what still differs.

    Raises:
        LockFileError: If the lock is unsound, or a wheel is not what it names.
        WheelError: If the gate refuses a wheel, or its plugin's name is another's.
        ContractError: If it holds another plugin, or one that wants to run in the host.
        StoreError: If the disk refuses.
    """
    config = settings(args)
    lock = read_lock(Path(args.file))
    store = Store(config.data_dir)
    with progress("syncing", quiet=args.json):
        around = surroundings(installed(config).plugins)
        number = _install(lock, store, around, args)
    left = differences(lock, lock_now(config)) if not args.dry_run else ()
    if args.json:
        rows = [{"distribution": d.distribution, "message": d.message} for d in left]
        print_json({"generation": number, "same": not left, "differences": rows})
        return 0
    if args.dry_run:
        print_lines(["Every wheel is there and sound. Nothing was changed."])
        return 0
    count = len(lock.entries)
    print_lines([f"{count} distribution(s) as locked (generation {number})."])
    if left:
        print_lines(["What sync leaves to you:"])
        print_lines(clean(f"  {one.distribution}: {one.message}") for one in left)
    return 0


def _install(
    lock: Lock, store: Store, around: Surroundings, args: argparse.Namespace
) -> int:
    """The number of the generation that holds it, the one in force if it does."""
    folder = Path(args.wheels) if args.wheels else None
    found = find_wheels(lock, store, folder, around)
    named = [plugin for entry in lock.entries for plugin in entry.plugins]
    if len(set(named)) < len(named):
        message = "two of its distributions hold one plugin"
        raise LockFileError("lock-invalid", message, where=args.file)
    fresh = {wheel.sha256: wheel for wheel in found}
    for entry in lock.entries:
        if (own := fresh.get(entry.wheels[0].sha256)) is not None:
            check_locked(own, entry.plugins)
    if args.dry_run:
        return 0
    with store.held():
        for wheel in found:
            store.add(wheel)
        entries = [_entry(store, one.plugins, one.wheels) for one in lock.entries]
        current = store.folder.read()
        if all(current.get(entry.distribution) == entry for entry in entries):
            return current.number
        return store.commit(entries, reason="sync with a lock").number


def _entry(
    store: Store, plugins: tuple[str, ...], wheels: tuple[LockedWheel, ...]
) -> Installed:
    stored = [store.get(wheel.sha256) for wheel in wheels]
    return store.environment(stored, plugins)

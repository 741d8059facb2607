"""``lockgate sync``: install what a lock file says, byte for byte.

A lock is anybody's text: it can come with a project. So what it names is judged as
``lockgate install`` judges it, wherever the wheels are, and only what is in force
already as it is locked is left alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lockgate.config import Config
from lockgate.errors import UsageError
from lockgate.installed import Generation
from lockgate.verb import (
    Subparsers,
    grant_of,
    installed,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli._accepts import add_accepts, terms
from lockgate_marketplace.cli.lock import FILE, lock_now, read_told
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import check_claims
from lockgate_marketplace.install.locked import (
    changes,
    check_once,
    check_rights,
    judge_locked,
    origins_of,
    put_in_force,
)
from lockgate_marketplace.lock import LockedPlugin, check_makers, differences
from lockgate_marketplace.store import Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Install exactly the wheels that a lock file names, in one step, judged as "
        "`lockgate install` judges them. It grants nothing and takes nothing away. "
        "Plugins are loaded in sealed workers only."
    )
    parser = subparsers.add_parser("sync", description=about)
    parser.add_argument("--file", default=FILE, metavar="FILE", help=f"default: {FILE}")
    parser.add_argument(
        "--wheels", metavar="DIR", help="the folder that wheels are taken from"
    )
    add_accepts(parser)
    parser.add_argument(
        "--keep-rights",
        action="store_true",
        help="though a plugin keeps the rights that it has at any version",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Judge every wheel, then install all of them; tell what still differs.

    Raises:
        LockFileError: If the lock is unsound, or a wheel is not what it names.
        MarketplaceError: Of the step that refuses a wheel.
        StoreError: If the disk refuses.
    """
    config = settings(args)
    lock = read_told(args.file)
    store = Store(config.data_dir)
    with progress("syncing", quiet=args.json):
        check_once(lock, args.file)
        before = store.folder.read()
        changed = changes(lock, store)
        number = _synced(args, changed, store, config)
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
    print_lines(one_line(f"  {line}") for line in _done(changed, before))
    if left:
        print_lines(["What sync leaves to you:"])
        print_lines(one_line(f"  {one.distribution}: {one.message}") for one in left)
    return 0


def _synced(
    args: argparse.Namespace,
    changed: Sequence[LockedPlugin],
    store: Store,
    config: Config,
) -> int:
    """The number of the generation that holds it; 0 if it was only judged."""
    present = installed(config).plugins
    folder = _folder(args.wheels)
    plans = judge_locked(changed, store, folder, present, terms(args, config))
    if not args.keep_rights:
        names = [plan.manifest.name for plan in plans]
        check_rights(plans, {name: grant_of(name, config) for name in names})
    check_claims(plans, present)
    trust = Trust.below(Path(config.data_dir))
    pins = trust.pins()
    origins = origins_of(plans, store, folder, pins)
    proven = [(one.name, one.finding.identity) for one in origins]
    check_makers(changed, [*((p.name, p.identity) for p in pins), *proven])
    if args.dry_run:
        return 0
    return put_in_force(
        plans,
        changed,
        store,
        trust,
        origins,
        before=lambda: check_claims(plans, installed(config).plugins),
    )


def _folder(named: str | None) -> Path | None:
    """The folder of --wheels.

    Raises:
        UsageError: If there is none of that name.
    """
    if named is None:
        return None
    if not Path(named).is_dir():
        hint = "--wheels takes the folder in which the wheels of the lock lie."
        raise UsageError("there is no such folder", where=named, hint=hint)
    return Path(named)


def _done(changed: Sequence[LockedPlugin], before: Generation) -> list[str]:
    """What sync did to what was in force `before`."""
    if not changed:
        return ["Nothing changed."]
    told: list[str] = []
    for one in changed:
        old = before.get(one.distribution)
        if old is None:
            told.append(f"installed {one.distribution} {one.version}")
        elif [w.sha256 for w in old.wheels] == [w.sha256 for w in one.wheels]:
            told.append(f"installed {one.distribution} {one.version} anew")
        else:
            was = (
                f"{old.version} was"
                if old.version != one.version
                else "of other files before"
            )
            told.append(f"installed {one.distribution} {one.version} ({was})")
    return told

"""``lockgate sync``: install what a lock file says, byte for byte.

A lock is anybody's text: it can come with a project. So what it names is judged as
``lockgate install`` judges it, wherever the wheels are, and only what is in force
already as it is locked is left alone. What is not at hand comes from the index that
the lock names, if the owner's settings name it too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lockgate.errors import UsageError
from lockgate.installed import Generation
from lockgate.verb import (
    Subparsers,
    counted,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli._overrides import add_accepts, terms
from lockgate_marketplace.cli._policy import add_policy, policy_of
from lockgate_marketplace.cli._told import given_lines
from lockgate_marketplace.cli.lock import FILE, lock_now, read_told
from lockgate_marketplace.install.locked import changes, check_once
from lockgate_marketplace.install.locked.sync import Sync
from lockgate_marketplace.lock import LockedPlugin, differences
from lockgate_marketplace.store import Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Install exactly the wheels that a lock file names, in one step, judged as "
        "`lockgate install` judges them. It grants nothing but what a policy of yours "
        "allows, and takes nothing away. "
        "Plugins are loaded in sealed workers only."
    )
    parser = subparsers.add_parser("sync", description=about)
    parser.add_argument("--file", default=FILE, metavar="FILE", help=f"default: {FILE}")
    parser.add_argument(
        "--wheels",
        metavar="DIR",
        help="the folder that wheels are taken from; what it lacks, from its index",
    )
    parser.add_argument("--offline", action="store_true", help="ask no index")
    parser.add_argument(
        "--no-cooldown",
        action="store_true",
        help="though what the lock names was uploaded only just now",
    )
    parser.add_argument(
        "--name-is-right",
        action="store_true",
        help="though a name in it is close to a well-known one",
    )
    add_policy(parser)
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
    policy = policy_of(args, config)
    lock = read_told(args.file)
    store = Store(config.data_dir)
    check_once(lock, args.file)
    before = store.folder.read()
    changed = changes(lock, store)
    sync = Sync(
        terms(args, config),
        policy,
        _folder(args.wheels),
        offline=args.offline,
        hasty=args.no_cooldown,
        names_right=args.name_is_right,
        keep_rights=args.keep_rights,
    )
    with progress("syncing", quiet=args.json) as tell:
        done = sync.carry_out(changed, tell, dry_run=args.dry_run)
    left = differences(lock, lock_now(config)) if not args.dry_run else ()
    if args.json:
        rows = [{"distribution": d.distribution, "message": d.message} for d in left]
        told = {"fetched": list(done.fetched), "warnings": list(done.warnings)}
        same = {"same": not left, "differences": rows}
        given = {plan.manifest.name: dict(keys) for plan, keys in done.given}
        more = {"generation": done.generation, "granted": given}
        print_json({**more, **told, **same})
        return 0
    print_lines(one_line(f"warning: {warning}") for warning in done.warnings)
    if args.dry_run:
        print_lines(["Every wheel is there and sound. Nothing was changed."])
        return 0
    count = counted(len(lock.entries), "distribution")
    print_lines([f"{count} as locked (generation {done.generation})."])
    print_lines(one_line(f"  {line}") for line in _done(changed, before))
    print_lines(one_line(f"  {line}") for line in given_lines(done.given))
    if left:
        print_lines(["What sync leaves to you:"])
        print_lines(one_line(f"  {one.distribution}: {one.message}") for one in left)
    return 0


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

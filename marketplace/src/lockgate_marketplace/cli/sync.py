"""``lockgate sync``: install what a lock file says, byte for byte.

A lock is anybody's text: it can come with a project. So what it names is judged as
``lockgate install`` judges it, wherever the wheels are, and only what is in force
already as it is locked is left alone. What is not at hand comes from the index that
the lock names, if the owner's settings name it too.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UsageError
from lockgate.installed import Generation
from lockgate.verb import (
    Report,
    Subparsers,
    counted,
    grant_of,
    installed,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli._accepts import add_accepts, terms
from lockgate_marketplace.cli._given import Given, by_policy, given_lines, grant_given
from lockgate_marketplace.cli._policy import add_policy, policy_of
from lockgate_marketplace.cli.lock import FILE, lock_now, read_told
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.identity import Pin, Trust
from lockgate_marketplace.install import Incoming, Origin, Plan, check_claims
from lockgate_marketplace.install.locked import (
    changes,
    check_once,
    check_rights,
    judge_locked,
    known_makers,
    origins_of,
    put_in_force,
)
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.lock import (
    LockedPlugin,
    LockedWheel,
    check_makers,
    check_there,
    differences,
    files_in,
    lacking,
)
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate_marketplace.install.locked.missing import Got

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
    with progress("syncing", quiet=args.json) as tell:
        done = _synced(args, changed, store, config, policy, tell)
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


@dataclass(frozen=True, slots=True)
class _Synced:
    """The generation that holds it, or 0; what came from indexes; what was granted."""

    generation: int
    fetched: tuple[str, ...]
    warnings: tuple[str, ...]
    given: tuple[tuple[Plan, Given], ...]


def _synced(
    args: argparse.Namespace,
    changed: Sequence[LockedPlugin],
    store: Store,
    config: Config,
    policy: ConsentPolicy,
    tell: Report,
) -> _Synced:
    """Judge what changes, and put it in force; get what is not at hand."""
    present = installed(config).plugins
    folder = _folder(args.wheels)
    needed = lacking(changed, store)
    files = files_in(folder, needed) if folder is not None else {}
    missing = [one for one in needed if one.sha256 not in files]
    nowhere = [one for one in missing if args.offline or not one.index]
    check_there(nowhere, store, _sought(args))
    trust = Trust.below(Path(config.data_dir))
    pins = trust.pins()
    judged_by = terms(args, config)
    levels = judged_by.levels
    with _fetched(args, missing, changed, config, levels, present, pins, tell) as got:
        files |= {sha256: one.path for sha256, one in got.items()}
        tell("judging", None)
        plans = judge_locked(changed, store, files, present, judged_by)
    was = {p.manifest.name: grant_of(p.manifest.name, config) for p in plans}
    if not args.keep_rights:
        check_rights(plans, was)
    check_claims(plans, present)
    fetched = {sha256: one.origin for sha256, one in got.items()}
    origins = origins_of(plans, store, folder, pins, fetched)
    _check_makers(changed, pins, origins)
    given = by_policy(plans, known_makers(plans, origins, store), policy, config)
    number = 0

    def still_free() -> None:
        check_claims(plans, installed(config).plugins)
        # Of what the store had before there is no origin yet to hold against pins.
        origins_of(plans, store, folder, trust.pins(), fetched)

    if not args.dry_run:
        number = put_in_force(
            plans,
            changed,
            store,
            trust,
            origins,
            before=still_free,
            after=lambda made: grant_given(given, was, config, store, made),
        )
    if got:
        paths = [one.path for one in got.values()]
        Incoming.below(Path(config.data_dir)).discard(paths)
    warnings = tuple(line for one in got.values() for line in one.warnings)
    names = tuple(one.path.name for one in got.values())
    return _Synced(number, names, warnings, tuple(given))


def _check_makers(
    changed: Sequence[LockedPlugin], pins: Sequence[Pin], origins: Sequence[Origin]
) -> None:
    """Whether the lock names other makers than those that are known, or proven now.

    Raises:
        LockFileError: ``lock-identity``.
    """
    proven = [(one.name, one.finding.identity) for one in origins]
    check_makers(changed, [*((pin.name, pin.identity) for pin in pins), *proven])


@contextmanager
def _fetched(
    args: argparse.Namespace,
    missing: Sequence[LockedWheel],
    changed: Sequence[LockedPlugin],
    config: Config,
    levels: Levels,
    present: Sequence[PluginState],
    pins: Sequence[Pin],
    tell: Report,
) -> Generator[Mapping[str, Got]]:
    """What is `missing`, from the indexes; nothing is asked if nothing is."""
    if not missing:
        yield {}
        return
    # They bring the HTTP client, which wheels at hand do without.
    from lockgate_marketplace.install.locked.missing import fetch_missing
    from lockgate_marketplace.install.named import known_names
    from lockgate_marketplace.resolve import Policy, open_client

    names = frozenset(one.name for one in missing)
    policy = Policy.running(
        cooldowns=dict.fromkeys(names, timedelta()) if args.no_cooldown else None,
        cooldown_level=levels.of("cooldown"),
        known=known_names(present, pins),
        right_names=names if args.name_is_right else frozenset(),
    )
    data = Path(config.data_dir)
    incoming = Incoming.below(data)
    with (
        open_client(config.for_plugin("marketplace"), data) as client,
        fetch_missing(
            missing, changed, client, pins, incoming, policy, levels, tell=tell
        ) as got,
    ):
        yield got


def _sought(args: argparse.Namespace) -> str:
    """Where what the store lacks is not either, for a message."""
    place = f"in {args.wheels} (--wheels)" if args.wheels else "given by --wheels"
    return f"{place}, and no index is asked (--offline)" if args.offline else place


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

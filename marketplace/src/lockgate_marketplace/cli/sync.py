"""``lockgate sync``: install what a lock file says, byte for byte.

A lock is anybody's text: it can come with a project. So what it names is judged as
``lockgate install`` judges it, wherever the wheels are, and only what is in force
already as it is locked is left alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import InstalledError, UsageError
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
from lockgate_marketplace.consent import passes_on
from lockgate_marketplace.errors import ConsentError, ContractError, LockFileError
from lockgate_marketplace.identity import UNPROVEN, Identity, Pin, Trust
from lockgate_marketplace.install import (
    Origin,
    Plan,
    Terms,
    check_claims,
    judge,
    origin_of,
    remember,
    stage,
    surroundings,
)
from lockgate_marketplace.lock import (
    Lock,
    LockedPlugin,
    check_makers,
    differences,
    find_wheels,
    origin_data,
    proven_of,
)
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Wheel

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
        present = installed(config).plugins
        folder = _folder(args.wheels)
        _check_once(lock, args.file)
        changed = _changed(lock, store)
        plans = _judged(changed, store, folder, present, terms(args, config))
        if not args.keep_rights:
            _check_rights(plans, config)
        check_claims(plans, present)
        trust = Trust.below(Path(config.data_dir))
        origins = _origins(plans, store, folder, trust)
        proven = [(one.name, one.finding.identity) for one in origins]
        check_makers(changed, [*((p.name, p.identity) for p in trust.pins()), *proven])
        number, before = 0, store.folder.read()
        if not args.dry_run:
            steps = list(zip(plans, changed, strict=True))
            number = _install(steps, store, config, trust, origins)
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


def _check_once(lock: Lock, file: str) -> None:
    named = [plugin for entry in lock.entries for plugin in entry.plugins]
    if len(set(named)) < len(named):
        message = "two of its distributions hold one plugin"
        raise LockFileError("lock-invalid", message, where=file)


def _changed(lock: Lock, store: Store) -> list[LockedPlugin]:
    """What the lock names and is not in force as it says."""
    now = store.folder.read()
    return [one for one in lock.entries if not _in_force(one, now, store)]


def _judged(
    changed: Sequence[LockedPlugin],
    store: Store,
    folder: Path | None,
    present: Iterable[PluginState],
    terms: Terms,
) -> list[Plan]:
    """The plans of what changes, in the order of `changed`."""
    found = find_wheels(changed, store, folder, surroundings(present))
    plans: list[Plan] = []
    for entry in changed:
        plan = judge([found[wheel.sha256] for wheel in entry.wheels], terms)
        if entry.plugins != (plan.manifest.name,):
            asked = ", ".join(entry.plugins) or "none"
            message = f"it holds the plugin {plan.manifest.name}, and {asked} is locked"
            where = plan.plugin.filename
            raise ContractError("contract-manifest", message, where=where)
        plans.append(plan)
    return plans


def _in_force(entry: LockedPlugin, now: Generation, store: Store) -> bool:
    """Whether it is installed as it is locked: that was judged when it came in."""
    have = now.get(entry.distribution)
    wanted = tuple(wheel.sha256 for wheel in entry.wheels)
    return (
        have is not None
        and have.plugins == entry.plugins
        and tuple(wheel.sha256 for wheel in have.wheels) == wanted
        and store.looks_as_written(have)
    )


def _origins(
    plans: Iterable[Plan], store: Store, folder: Path | None, trust: Trust
) -> list[Origin]:
    """Who made each wheel that is new here.

    One that lies in the store may be there from before its name was by somebody, or
    because an upgrade was refused: it is by whom it was proven to be when it was
    installed, or by nobody.

    Raises:
        IdentityError: If it is not by whom it was so far.
    """
    pins = trust.pins()
    found: list[Origin] = []
    for wheel in (wheel for plan in plans for wheel in plan.wheels):
        held = [p for p in pins if p.name == wheel.name and p.identity.kind != "none"]
        beside = None if folder is None else folder / wheel.filename
        if beside is not None and not store.looks_whole(wheel.sha256):
            found.append(origin_of(wheel, beside, pins))
        elif held and not _was_proven(wheel, held, store):
            found.append(origin_of(wheel, beside or Path(wheel.filename), pins))
    return found


def _kept(store: Store) -> Iterator[Generation]:
    """Every generation that can be read; `verify` tells of the others."""
    for number in store.folder.numbers():
        with suppress(InstalledError):
            yield store.folder.read(number)


def _was_proven(wheel: Wheel, pins: Iterable[Pin], store: Store) -> bool:
    """Whether a wheel of the store was installed as by whom its name is by now."""
    known = proven_of(wheel.sha256, wheel.name, _kept(store))
    return all(
        any(
            pin.identity.kind == "awaited" or not pin.identity.differences(one)
            for one in known
        )
        for pin in pins
    )


def _check_rights(plans: Iterable[Plan], config: Config) -> None:
    """Refuse what would have rights at once, by a word that was said of any version.

    Raises:
        ConsentError: ``consent-lock``.
    """
    for plan in plans:
        grant = grant_of(plan.manifest.name, config)
        if grant is not None and passes_on(grant, plan.plugin.name, plan.manifest):
            rights = sorted(grant.granted)
            message = (
                f"{plan.manifest.name} {plan.plugin.version}, which the lock brings, "
                f"would have {', '.join(rights)}: granted for any version"
            )
            where = plan.plugin.filename
            raise ConsentError("consent-lock", message, where=where, asked=rights)


def _install(
    steps: Sequence[tuple[Plan, LockedPlugin]],
    store: Store,
    config: Config,
    trust: Trust,
    origins: Sequence[Origin],
) -> int:
    """The number of the generation that holds it, the one in force if it does."""
    if not steps:
        return store.folder.current()
    plans = [plan for plan, _ in steps]

    def still_free() -> None:
        check_claims(plans, installed(config).plugins)
        remember(trust, origins)

    with store.held():
        entries = [
            replace(stage(plan, store), origin=_origin(plan, locked, origins, store))
            for plan, locked in steps
        ]
        reason = "sync with a lock"
        return store.commit(entries, reason=reason, before=still_free).number


def _origin(
    plan: Plan, locked: LockedPlugin, origins: Iterable[Origin], store: Store
) -> tuple[tuple[str, str], ...]:
    """What was proven here of who made it, else what the lock says; and the verdict."""
    found = {one.name: one.finding.identity for one in origins}
    kept = tuple(_kept(store))
    said: set[str] = set()
    wheels: list[tuple[str, str, Identity]] = []
    for one in locked.wheels:
        before = proven_of(one.sha256, one.name, kept)
        identity = found.get(one.name, UNPROVEN)
        if identity == UNPROVEN and before:
            identity = before[-1]
        if identity == UNPROVEN:
            said.add(one.name)
            identity = one.identity
        wheels.append((one.name, one.index, identity))
    return origin_data(wheels, plan.verdict.id, said=said)

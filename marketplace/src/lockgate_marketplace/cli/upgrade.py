"""``lockgate upgrade``: newer releases of what is installed, judged, with consent.

Each plugin stands alone: what one lacks stops no other. All that is agreed to is put
in force together. What asks for more than its owner granted is set aside, and the
release that runs goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UsageError
from lockgate.verb import (
    Subparsers,
    installed,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli._accepts import terms
from lockgate_marketplace.cli._case import (
    add_consent,
    case_of,
    check_known,
    consented,
)
from lockgate_marketplace.cli._outcome import (
    Outcome,
    lines_of,
    outcome_row,
    status_of,
)
from lockgate_marketplace.cli._policy import policy_of
from lockgate_marketplace.cli._settle import carried, discard
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.errors import ConsentError, MarketplaceError
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate.installed import Installed
    from lockgate_marketplace.install import Offer
    from lockgate_marketplace.upkeep import Standing

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Upgrade what was installed from an index. Nothing of it is run."
    parser = subparsers.add_parser("upgrade", description=about)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an installed plugin")
    parser.add_argument(
        "--all", action="store_true", help="everything that is in the store"
    )
    parser.add_argument("--pre", action="store_true", help="pre-releases are fine")
    parser.add_argument(
        "--no-cooldown",
        action="store_true",
        help="though it was uploaded only just now (what it needs still waits)",
    )
    add_consent(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Look, get, judge, ask, install. What is refused is told beside what was done.

    Raises:
        UsageError: If neither names nor ``--all`` are given, or a name is unknown.
        NotInStoreError: If a plugin was installed in another way.
        ConsentError: If a right is named that none of them asks for.
        MarketplaceError: If the settings are unsound, or installing fails.
    """
    from lockgate_marketplace.upkeep import entries_to_upgrade

    if bool(args.names) == args.all:
        hint = "`lockgate outdated` shows what there is."
        raise UsageError("name what to upgrade, or say --all", hint=hint)
    config = settings(args)
    policy = policy_of(args, config)
    store = Store(config.data_dir)
    present = installed(config).plugins
    entries = store.folder.read().entries
    if not args.all:
        entries = entries_to_upgrade(args.names, entries, present)
    outcomes = _offered(args, entries, present, config, policy) if entries else []
    generation = 0
    if args.dry_run:
        offers = [o.case.offer for o in outcomes if o.case is not None]
        discard(offers, Path(config.data_dir))
    else:
        outcomes = [_asked(args, one, outcomes, store) for one in outcomes]
        generation = _install(outcomes, config)
    _tell(args, outcomes, generation)
    return max((status_of(one) for one in outcomes), default=0)


def _offered(
    args: argparse.Namespace,
    entries: Sequence[Installed],
    present: Sequence[PluginState],
    config: Config,
    policy: ConsentPolicy,
) -> list[Outcome]:
    """What the indexes have that is newer, got and judged, each on its own."""
    from lockgate_marketplace.identity import Trust
    from lockgate_marketplace.install import Incoming, check_claims
    from lockgate_marketplace.install.named import from_index
    from lockgate_marketplace.resolve import Want, open_client
    from lockgate_marketplace.upkeep import policy_now, standings

    data = Path(config.data_dir)
    trust = Trust.below(data)
    pins = trust.pins()
    names = frozenset(entry.distribution for entry in entries)
    judged_by = terms(args, config)
    usable = policy_now(
        present,
        pins,
        hasty=names if args.no_cooldown else frozenset(),
        prereleases=names if args.pre else frozenset(),
        cooldown_level=judged_by.levels.of("cooldown"),
    )
    found: list[Outcome] = []
    with (
        progress("upgrading", quiet=args.json) as tell,
        open_client(config.for_plugin("marketplace"), data) as client,
    ):

        def offer(one: Standing) -> Offer:
            name = one.entry.distribution
            want = Want.parse(f"{one.index}/{name}=={one.latest}")
            came = Incoming.below(data)
            (made,) = from_index(
                [want], client, trust, came, present, usable, judged_by, tell=tell
            )
            return made

        staged = Store(config.data_dir).folder.staged()
        for one in standings(entries, client, pins, usable, staged):
            tell(f"looking for {one.entry.distribution}", None)
            if one.error is not None or not one.newer:
                state = "current" if one.error is None else "failed"
                found.append(Outcome(one.entry, state, one, error=one.error))
                continue
            try:
                made = offer(one)
                check_claims([made.plan], present)
                case = case_of(made, present, config, policy)
            except MarketplaceError as error:
                found.append(Outcome(one.entry, "failed", one, error=error))
            else:
                found.append(Outcome(one.entry, "possible", one, case))
    return found


def _asked(
    args: argparse.Namespace,
    one: Outcome,
    outcomes: Sequence[Outcome],
    store: Store,
) -> Outcome:
    """Ask its owner; what is set aside, or can't be used any more, is written down.

    Raises:
        ConsentError: If a right is named that none of them asks for.
    """
    cases = [each.case for each in outcomes if each.case is not None]
    if one.case is None:
        if one.state == "current" and one.found.staged is not None:
            store.put_back(one.entry.distribution)
            return replace(one, state="withdrawn")
        return one
    check_known(args, cases)
    try:
        granted = consented(args, one.case, store, sharing=len(cases) > 1)
    except ConsentError as error:
        state = "staged" if error.code == "consent-needed" else "failed"
        return replace(one, state=state, error=error)
    return replace(one, state="upgraded", granted=granted)


def _install(outcomes: Sequence[Outcome], config: Config) -> int:
    """All that is agreed to, in one generation; its number, or 0."""
    agreed = [(o.case, o.granted) for o in outcomes if o.state == "upgraded" and o.case]
    if not agreed:
        return 0
    granted = {case.name: keys for case, keys in agreed}
    cases = [case for case, _ in agreed]
    return carried(cases, granted, config, verb="upgrade").number


def _tell(
    args: argparse.Namespace, outcomes: Sequence[Outcome], generation: int
) -> None:
    if args.json:
        rows = [outcome_row(one, generation) for one in outcomes]
        print_json({"generation": generation, "plugins": rows})
        return
    print_lines(
        one_line(line) for one in outcomes for line in lines_of(one, generation)
    )
    if not outcomes:
        print_lines(["Nothing was installed into the store."])
    if generation:
        print_lines(["Hosts that run take it in with `lockgate reload`."])

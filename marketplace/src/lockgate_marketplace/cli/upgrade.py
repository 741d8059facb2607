"""``lockgate upgrade``: newer releases of what is installed, judged, with consent.

Each plugin stands alone: what one lacks stops no other. All that is agreed to is put
in force together. What asks for more than its owner granted is set aside, and the
release that runs goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
from lockgate_marketplace.cli._consent import add_consent, asking, word_of
from lockgate_marketplace.cli._outcome import lines_of, outcome_row
from lockgate_marketplace.cli._overrides import terms
from lockgate_marketplace.cli._policy import policy_of
from lockgate_marketplace.install.agreed import discard
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate.installed import Installed
    from lockgate_marketplace.upkeep import Outcome, Upgrades

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
    # It brings the HTTP client.
    from lockgate_marketplace.upkeep import (
        Upgrades,
        agree_to,
        entries_to_upgrade,
        put_in_force,
    )

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
    upgrades = Upgrades(
        present,
        terms(args, config),
        policy,
        hasty=args.no_cooldown,
        prereleases=args.pre,
    )
    outcomes = _possible(args, entries, upgrades) if entries else []
    generation = 0
    if args.dry_run:
        offers = [o.case.offer for o in outcomes if o.case is not None]
        discard(offers, Path(config.data_dir))
    else:
        outcomes = agree_to(outcomes, word_of(args), store, ask=asking(args))
        generation = put_in_force(outcomes, config)
    _tell(args, outcomes, generation)
    return max((one.exit_status for one in outcomes), default=0)


def _possible(
    args: argparse.Namespace, entries: Sequence[Installed], upgrades: Upgrades
) -> list[Outcome]:
    from lockgate_marketplace.resolve import open_client

    config = upgrades.terms.config
    with (
        progress("upgrading", quiet=args.json) as tell,
        open_client(config.for_plugin("marketplace"), Path(config.data_dir)) as client,
    ):
        return list(upgrades.possible(entries, client, tell))


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

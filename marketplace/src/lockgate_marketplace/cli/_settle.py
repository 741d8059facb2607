"""From judged plugins to installed ones: the owner's consent, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.verb import one_line, print_json, print_lines
from lockgate_marketplace.cli._consent import asking, word_of
from lockgate_marketplace.cli._told import done_lines, introduced, row_of
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.install import Offer, check_claims
from lockgate_marketplace.install.agreed import (
    Carried,
    Case,
    Given,
    carried,
    case_of,
    check_known,
    consented,
    discard,
)
from lockgate_marketplace.store import Store

__all__ = ["settle"]


def settle(
    args: argparse.Namespace,
    offers: Sequence[Offer],
    present: Sequence[PluginState],
    config: Config,
    policy: ConsentPolicy,
) -> int:
    """Ask for consent to each offer, then install all of them, and tell.

    `args` has the options of `add_consent`, and ``json``. Nothing is installed unless
    everything is agreed to.

    Raises:
        ConsentError: If it is not.
        StoreError, IdentityError, InstalledError: As `carry_out` does.
    """
    check_claims([offer.plan for offer in offers], present)
    cases = [case_of(offer, present, config, policy) for offer in offers]
    if args.dry_run:
        discard(offers, Path(config.data_dir))
        return _told(args, cases, {}, Carried(0))
    store, word = Store(config.data_dir), word_of(args)
    check_known(cases, word)
    shown: set[str] = set()
    ask, sharing = asking(args, shown), len(cases) > 1
    granted = {
        case.name: consented(case, word, store, ask=ask, sharing=sharing)
        for case in cases
    }
    done = carried(cases, granted, config, verb="install")
    return _told(args, cases, granted, done, shown)


def _told(
    args: argparse.Namespace,
    cases: Sequence[Case],
    granted: Mapping[str, Given],
    done: Carried,
    shown: Container[str] = (),
) -> int:
    generation = done.generation
    if args.json:
        rows = [row_of(case, granted.get(case.name, {}), generation) for case in cases]
        alone = rows[0] if len(rows) == 1 else {}
        print_json({**alone, "generation": generation, "plugins": rows})
        return 0
    for case in cases:
        if generation:
            again = case.offer.plan.plugin.name in done.same
            lines = done_lines(
                case,
                granted[case.name],
                generation,
                again=again,
                shown=case.name in shown,
            )
            print_lines(map(one_line, lines))
        else:
            print_lines(map(one_line, introduced(case)))
            said = f"{case.name} {case.version} could be installed."
            print_lines([f"{said} Nothing was changed."])
    return 0

"""From judged plugins to installed ones: the owner's consent, and what it does.

What `install` and every other verb that installs have in common.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.grants import tier_missing
from lockgate.installed import Generation
from lockgate.verb import installed, one_line, print_json, print_lines
from lockgate_marketplace.cli._case import (
    Case,
    beyond,
    case_of,
    changed_meanwhile,
    check_known,
    consented,
    displaced,
    introduced,
)
from lockgate_marketplace.cli._given import Given, grant_given
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import (
    Incoming,
    Offer,
    carry_out,
    check_claims,
    former,
)
from lockgate_marketplace.store import Store

__all__ = ["carried", "discard", "done_lines", "row_of", "settle"]


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
        return _told(args, cases, {}, generation=0)
    store = Store(config.data_dir)
    former_one = store.folder.read()
    check_known(args, cases)
    granted = {
        case.name: consented(args, case, store, sharing=len(cases) > 1)
        for case in cases
    }
    generation = carried(cases, granted, config, verb="install")
    same = frozenset(
        case.offer.plan.plugin.name
        for case in cases
        if generation.get(case.offer.plan.plugin.name)
        == former_one.get(case.offer.plan.plugin.name)
    )
    return _told(args, cases, granted, generation=generation.number, same=same)


def carried(
    cases: Sequence[Case],
    granted: Mapping[str, Given],
    config: Config,
    *,
    verb: str,
) -> Generation:
    """Install all of them, in one generation, with what was agreed to.

    Raises:
        ConsentError: If something else is installed by now than its owner was asked by.
        StoreError, IdentityError, InstalledError: As `carry_out` does.
    """
    store, data = Store(config.data_dir), Path(config.data_dir)
    offers = [case.offer for case in cases]
    agreed = [(case.offer.plan, granted[case.name]) for case in cases]
    was = {case.name: case.grant for case in cases}
    generation = carry_out(
        offers,
        store,
        Trust.below(data),
        verb=verb,
        before=lambda: _check_same(cases, config, store),
        after=lambda made: grant_given(agreed, was, config, store, made),
    )
    discard(offers, data)
    return generation


def discard(offers: Sequence[Offer], data: Path) -> None:
    """What was downloaded is not needed any more; a refusal of consent keeps it."""
    files = [path for offer in offers for path in offer.files]
    if files:
        Incoming.below(data).discard(files)


def _check_same(cases: Sequence[Case], config: Config, store: Store) -> None:
    """Whether what is there is still what its owner was asked by; the store is held.

    Who installed the very same meanwhile is no obstacle.

    Raises:
        ConsentError: If a release that one takes the place of is another by now.
        ContractError: If another one has a name by now that one of them takes.
    """
    present = installed(config).plugins
    check_claims([case.offer.plan for case in cases], present)
    generation = store.folder.read()
    for case in cases:
        now = former(case.offer.plan, present)
        entry = generation.get(case.offer.plan.plugin.name)
        have = [wheel.sha256 for wheel in entry.wheels] if entry is not None else []
        same = have == [wheel.sha256 for wheel in case.offer.plan.wheels]
        if not same and _shown(now) != _shown(case.before):
            raise changed_meanwhile(case.offer)


def _shown(state: PluginState | None) -> tuple[object, ...]:
    if state is None:
        return ()
    return state.version, state.environment, state.location, state.manifest_text


def _told(
    args: argparse.Namespace,
    cases: Sequence[Case],
    granted: Mapping[str, Given],
    *,
    generation: int,
    same: frozenset[str] = frozenset(),
) -> int:
    """`same` are the distributions that were there already, just so."""
    if args.json:
        rows = [row_of(case, granted.get(case.name, {}), generation) for case in cases]
        alone = rows[0] if len(rows) == 1 else {}
        print_json({**alone, "generation": generation, "plugins": rows})
        return 0
    for case in cases:
        if generation:
            again = case.offer.plan.plugin.name in same
            lines = done_lines(case, granted[case.name], generation, again=again)
            print_lines(map(one_line, lines))
        else:
            print_lines(map(one_line, introduced(case)))
            said = f"{case.name} {case.version} could be installed."
            print_lines([f"{said} Nothing was changed."])
    return 0


def done_lines(
    case: Case, granted: Given, generation: int, *, again: bool = False
) -> list[str]:
    """What was installed, for a person; `again`: it was there, just so."""
    told = f"{case.name} {case.version}"
    said = f"{told} is installed already" if again else f"Installed {told}"
    lines = [f"{said} (generation {generation})."]
    lines.append(f"  {case.offer.origin.describe()}")
    if granted:
        lines.append(f"  granted: {', '.join(sorted(granted))}")
        lines += [
            f"    {key}: by the {by}" for key, by in sorted(granted.items()) if by
        ]
    lacking = sorted({one.right.key for one in case.asked} - granted.keys())
    if lacking:
        lines.append(f"  not granted: {', '.join(lacking)}")
        useless = tier_missing(case.name, lacking, granted)
        lines += [f"  {useless}"] if useless else []
    lines += [f"  {line}" for line in (*displaced(case), *beyond(case))]
    return [*lines, *(f"  warning: {warning}" for warning in case.offer.warnings)]


def _by(granted: Given, key: str) -> str:
    return granted[key] or "owner" if key in granted else ""


def row_of(case: Case, granted: Given, generation: int) -> dict[str, object]:
    """What was installed, or would be, as plain data."""
    plan = case.offer.plan
    return {
        "plugin": case.name,
        "version": case.version,
        "installed": bool(generation),
        "generation": generation,
        "index": case.offer.origin.index,
        "by": case.offer.origin.finding.identity.to_data(),
        "wheels": [
            {
                "filename": wheel.filename,
                "sha256": wheel.sha256,
                "index": origin.index,
                "by": origin.finding.describe(),
            }
            for wheel, origin in zip(plan.wheels, case.offer.origins, strict=True)
        ],
        "rights": [
            {
                "right": one.right.key,
                "change": one.change,
                "granted": one.right.key in granted,
                "by": _by(granted, one.right.key),
            }
            for one in case.asked
        ],
        "notes": list(plan.notes),
        "displaces": case.before.location if displaced(case) and case.before else None,
        "beyond": [one.to_data() for one in case.along if not one.quiet],
        "warnings": list(case.offer.warnings),
    }

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
from lockgate.verb import grant_exactly, installed, one_line, print_json, print_lines
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
from lockgate_marketplace.errors import ConsentError
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
) -> int:
    """Ask for consent to each offer, then install all of them, and tell.

    `args` has the options of `add_consent`, and ``json``. Nothing is installed unless
    everything is agreed to.

    Raises:
        ConsentError: If it is not.
        StoreError, IdentityError, InstalledError: As `carry_out` does.
    """
    check_claims([offer.plan for offer in offers], present)
    cases = [case_of(offer, present, config) for offer in offers]
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
    granted: Mapping[str, frozenset[str]],
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
    generation = carry_out(
        offers,
        store,
        Trust.below(data),
        verb=verb,
        before=lambda: _check_same(cases, config, store),
        after=lambda made: _grant(cases, config, granted, store, made),
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


def _grant(
    cases: Sequence[Case],
    config: Config,
    granted: Mapping[str, frozenset[str]],
    store: Store,
    generation: Generation,
) -> None:
    """Write down what was agreed to, and nothing else, for these environments.

    Raises:
        ConsentError: If another one answers to a name: nothing is granted then.
        GrantsError: If the grants are not those that its owner was asked by, or can't
            be written.
    """
    present = installed(config)
    agreed: list[tuple[PluginState, frozenset[str]]] = []
    for case in cases:
        plan = case.offer.plan
        found = present.get(plan.manifest.name)
        entry = generation.get(plan.plugin.name)
        folders = tuple(entry.folders(str(store.root))) if entry is not None else ()
        if found is None or not found.stored or found.environment != folders:
            message = f"{case.name} would not be the one that has that name"
            hint = "`lockgate list` says which one has."
            where = plan.plugin.filename
            raise ConsentError("consent-needed", message, where=where, hint=hint)
        agreed.append((found, granted[case.name]))
    was = {case.name: case.grant for case in cases}
    grant_exactly(agreed, config, was)


def _told(
    args: argparse.Namespace,
    cases: Sequence[Case],
    granted: Mapping[str, frozenset[str]],
    *,
    generation: int,
    same: frozenset[str] = frozenset(),
) -> int:
    """`same` are the distributions that were there already, just so."""
    if args.json:
        rows = [
            row_of(case, granted.get(case.name, frozenset()), generation)
            for case in cases
        ]
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
    case: Case, granted: frozenset[str], generation: int, *, again: bool = False
) -> list[str]:
    """What was installed, for a person; `again`: it was there, just so."""
    told = f"{case.name} {case.version}"
    said = f"{told} is installed already" if again else f"Installed {told}"
    lines = [f"{said} (generation {generation})."]
    lines.append(f"  {case.offer.origin.describe()}")
    if granted:
        lines.append(f"  granted: {', '.join(sorted(granted))}")
    lacking = sorted({one.right.key for one in case.asked} - granted)
    if lacking:
        lines.append(f"  not granted: {', '.join(lacking)}")
        useless = tier_missing(case.name, lacking, granted)
        lines += [f"  {useless}"] if useless else []
    lines += [f"  {line}" for line in (*displaced(case), *beyond(case))]
    return [*lines, *(f"  warning: {warning}" for warning in case.offer.warnings)]


def row_of(case: Case, granted: frozenset[str], generation: int) -> dict[str, object]:
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
            }
            for one in case.asked
        ],
        "notes": list(plan.notes),
        "displaces": case.before.location if displaced(case) and case.before else None,
        "beyond": [one.to_data() for one in case.along if not one.quiet],
        "warnings": list(case.offer.warnings),
    }

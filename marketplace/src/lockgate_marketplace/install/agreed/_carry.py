"""What was agreed to, in force: if what is there is what its owner was asked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.inventory import found_by
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install._carry_out import carry_out
from lockgate_marketplace.install._claims import check_claims
from lockgate_marketplace.install._former import former
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install._offer import Offer
from lockgate_marketplace.install.agreed._case import Case, changed_meanwhile
from lockgate_marketplace.install.agreed._given import Given, grant_given
from lockgate_marketplace.store import Store

__all__ = ["Carried", "carried", "discard"]


@dataclass(frozen=True, slots=True)
class Carried:
    """The number of the generation that holds it, and what was there already."""

    generation: int
    same: frozenset[str] = frozenset()
    """The distributions that were in force before, just so."""


def carried(
    cases: Sequence[Case], granted: Mapping[str, Given], config: Config, *, verb: str
) -> Carried:
    """Install all of them, in one generation, with what was agreed to by plugin.

    Raises:
        ConsentError: If something else is installed by now than its owner was asked by.
        StoreError, IdentityError, InstalledError: As `carry_out` does.
    """
    store, data = Store(config.data_dir), Path(config.data_dir)
    offers = [case.offer for case in cases]
    agreed = [(case.offer.plan, granted[case.name]) for case in cases]
    was = {case.name: case.grant for case in cases}
    before = store.folder.read()
    generation = carry_out(
        offers,
        store,
        Trust.below(data),
        verb=verb,
        before=lambda: _check_same(cases, config, store),
        after=lambda made: grant_given(agreed, was, config, store, made),
    )
    discard(offers, data)
    names = frozenset(offer.plan.plugin.name for offer in offers)
    same = {name for name in names if generation.get(name) == before.get(name)}
    return Carried(generation.number, frozenset(same))


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
    present = found_by(config).plugins
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

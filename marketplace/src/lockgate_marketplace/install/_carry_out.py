"""Keeping: wheels into the store, then one generation that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lockgate.installed import Generation, Installed, Staged
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install._offer import Offer
from lockgate_marketplace.install._origin import remember
from lockgate_marketplace.install._plan import Plan
from lockgate_marketplace.lock import origin_data
from lockgate_marketplace.store import Store

__all__ = ["carry_out", "set_aside", "stage"]


def stage(plan: Plan, store: Store) -> Installed:
    """Put the wheels into the store; no generation names them yet.

    Raises:
        StoreError: If they don't go together, or the disk refuses.
    """
    with store.held():
        wheels = [store.add(wheel) for wheel in plan.wheels]
        return store.environment(wheels, [plan.manifest.name])


def set_aside(offer: Offer, asks: Iterable[str], store: Store) -> Staged:
    """Keep a release that its owner has not agreed to; what is installed stays.

    Nothing is remembered of who made it. To install it is to judge it again.

    Raises:
        StoreError: If its wheels don't go together, or the disk refuses.
        InstalledError: If it can't be written down.
    """
    with store.held():
        return store.set_aside(stage(offer.plan, store), asks, offer.origin.index)


def carry_out(
    offers: Sequence[Offer],
    store: Store,
    trust: Trust,
    *,
    verb: str = "install",
    before: Callable[[], None],
    after: Callable[[Generation], None],
) -> Generation:
    """Install all of them, with their owner's consent: durable on return, or none.

    Who made each wheel is remembered just before, so that no crash leaves one
    installed that the next release would not be held against. `before` and `after`
    are done while the store is held (`Store.commit`): whether what was agreed to is
    still what would be installed, and the rights that go with it.

    Raises:
        StoreError: If wheels don't go together, or the disk refuses.
        IdentityError: If the pins can't be written, or changed meanwhile.
        InstalledError: If the generation can't be written.
    """
    origins = [origin for offer in offers for origin in offer.origins]

    def agreed() -> None:
        before()
        remember(trust, origins)

    with store.held():
        entries = [
            replace(stage(offer.plan, store), origin=_origin(offer)) for offer in offers
        ]
        wheels = [offer.plan.plugin for offer in offers]
        names = ", ".join(f"{wheel.name} {wheel.version}" for wheel in wheels)
        reason = f"{verb} {names}"
        return store.commit(entries, reason=reason, before=agreed, after=after)


def _origin(offer: Offer) -> tuple[tuple[str, str], ...]:
    """What the generation remembers of it."""
    wheels = [(one.name, one.index, one.finding.identity) for one in offer.origins]
    return origin_data(wheels, offer.plan.verdict.id, status=offer.status)

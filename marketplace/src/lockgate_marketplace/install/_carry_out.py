"""Keeping: wheels into the store, then one generation that names them."""

from __future__ import annotations

from lockgate.installed import Generation, Installed
from lockgate_marketplace.install._plan import Plan
from lockgate_marketplace.store import Store

__all__ = ["carry_out", "stage"]


def stage(plan: Plan, store: Store) -> Installed:
    """Put the wheels into the store; no generation names them yet.

    Raises:
        StoreError: If they don't go together, or the disk refuses.
    """
    with store.held():
        wheels = [store.add(wheel) for wheel in plan.wheels]
        return store.environment(wheels, [plan.manifest.name])


def carry_out(plan: Plan, store: Store) -> Generation:
    """Install: durable on return, or not at all.

    Raises:
        StoreError: If they don't go together, or the disk refuses.
        InstalledError: If the generation can't be written.
    """
    with store.held():
        entry = stage(plan, store)
        reason = f"install {plan.plugin.name} {plan.plugin.version}"
        return store.commit([entry], reason=reason)

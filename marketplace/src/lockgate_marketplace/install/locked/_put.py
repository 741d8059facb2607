"""Putting what a lock says in force: all of it in one generation, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lockgate.installed import Generation
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install._carry_out import stage
from lockgate_marketplace.install._origin import Origin, remember
from lockgate_marketplace.install._plan import Plan
from lockgate_marketplace.install.locked._makers import recorded_origin
from lockgate_marketplace.lock import LockedPlugin
from lockgate_marketplace.store import Store

__all__ = ["put_in_force"]


def put_in_force(
    plans: Sequence[Plan],
    changed: Sequence[LockedPlugin],
    store: Store,
    trust: Trust,
    origins: Sequence[Origin],
    *,
    before: Callable[[], None],
    after: Callable[[Generation], None],
) -> int:
    """The number of the generation that holds it, the one in force if it does.

    `plans` are those of `changed`, in its order. `before` is done while the store is
    held: whether it is still free to come. Who made it is remembered just after, and
    `after` it is in force come the rights that go with it.

    Raises:
        StoreError: If wheels don't go together, or the disk refuses.
        IdentityError: If the pins can't be written, or changed meanwhile.
        InstalledError: If the generation can't be written.
    """
    if not plans:
        return store.folder.current()

    def still_free() -> None:
        before()
        remember(trust, origins)

    with store.held():
        entries = [
            replace(
                stage(plan, store), origin=recorded_origin(plan, locked, origins, store)
            )
            for plan, locked in zip(plans, changed, strict=True)
        ]
        reason = "sync with a lock"
        return store.commit(
            entries, reason=reason, before=still_free, after=after
        ).number

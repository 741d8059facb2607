"""Who made the wheels of a lock, as far as it was proven here, now or before.

That a wheel lies in the store proves nothing of it: it may be there from before its
name was by somebody, or because an upgrade was refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lockgate.errors import InstalledError
from lockgate.installed import Generation
from lockgate_marketplace.consent import Coming
from lockgate_marketplace.identity import UNPROVEN, Identity, Pin
from lockgate_marketplace.install._offer import origin_of
from lockgate_marketplace.install._origin import Origin
from lockgate_marketplace.install._plan import Plan
from lockgate_marketplace.lock import LockedPlugin, origin_data, proven_of
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Wheel

__all__ = ["known_makers", "origins_of", "recorded_origin"]


def origins_of(
    plans: Iterable[Plan],
    store: Store,
    folder: Path | None,
    pins: Sequence[Pin],
    fetched: Mapping[str, Origin],
) -> list[Origin]:
    """Who made each wheel that is new here.

    Of those that were `fetched` it is known, by their hash; what lies in `folder` is
    by whom the proofs beside it say. One of the store is by whom it was proven to be
    when it was installed, or by nobody.

    Raises:
        IdentityError: If it is not by whom it was so far.
    """
    found: list[Origin] = []
    for wheel in (wheel for plan in plans for wheel in plan.wheels):
        if wheel.sha256 in fetched:
            found.append(fetched[wheel.sha256])
            continue
        held = [p for p in pins if p.name == wheel.name and p.identity.kind != "none"]
        beside = None if folder is None else folder / wheel.filename
        if beside is not None and not store.looks_whole(wheel.sha256):
            found.append(origin_of(wheel, beside, pins))
        elif held and not _was_proven(wheel, held, store):
            found.append(origin_of(wheel, beside or Path(wheel.filename), pins))
    return found


def known_makers(
    plans: Iterable[Plan], origins: Iterable[Origin], store: Store
) -> list[Coming]:
    """Who made each wheel, for a consent policy: as it is proven now, or was before.

    What a lock says of makers and indexes counts for nothing.
    """
    kept = tuple(_kept(store))
    before = [
        Coming(wheel.sha256, identity=identity)
        for plan in plans
        for wheel in plan.wheels
        for identity in proven_of(wheel.sha256, wheel.name, kept)[-1:]
    ]
    return [*before, *(one.coming for one in origins)]


def recorded_origin(
    plan: Plan, locked: LockedPlugin, origins: Iterable[Origin], store: Store
) -> tuple[tuple[str, str], ...]:
    """What was proven here of who made it, else what the lock says; and the verdict."""
    found = {one.sha256: one.finding.identity for one in origins}
    kept = tuple(_kept(store))
    said: set[str] = set()
    wheels: list[tuple[str, str, Identity]] = []
    for one in locked.wheels:
        before = proven_of(one.sha256, one.name, kept)
        identity = found.get(one.sha256, UNPROVEN)
        if identity == UNPROVEN and before:
            identity = before[-1]
        if identity == UNPROVEN:
            said.add(one.name)
            identity = one.identity
        wheels.append((one.name, one.index, identity))
    return origin_data(wheels, plan.verdict.id, said=said)


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


def _kept(store: Store) -> Iterator[Generation]:
    """Every generation that can be read; `verify` tells of the others."""
    for number in store.folder.numbers():
        with suppress(InstalledError):
            yield store.folder.read(number)

"""The whole way from names to offers: choose, get, judge."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.discovery import PluginState
from lockgate.errors import LockgateError
from lockgate_marketplace.errors import FetchError, WheelError
from lockgate_marketplace.identity import Pin, Trust, WheelFile
from lockgate_marketplace.install._disk import told_of_the_disk
from lockgate_marketplace.install._fits import surroundings
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install._offer import Offer
from lockgate_marketplace.install._origin import Origin, of_index, unproven
from lockgate_marketplace.install._plan import Terms, judge
from lockgate_marketplace.install.named._choose import Chosen, choose
from lockgate_marketplace.install.named._get import Arrived, Tell, get, opened
from lockgate_marketplace.install.named._older import check_not_older
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.resolve import IndexClient, Policy, Want, projects_told
from lockgate_marketplace.wheel import Surroundings, Wheel

__all__ = ["from_index"]


def _silent(message: str, fraction: float | None = None) -> None:
    del message, fraction


def from_index(
    wants: Sequence[Want],
    client: IndexClient,
    trust: Trust,
    incoming: Incoming,
    present: Sequence[PluginState],
    policy: Policy,
    terms: Terms,
    *,
    tell: Tell = _silent,
) -> tuple[Offer, ...]:
    """Choose, get and judge each plugin that is wanted, with all that it needs.

    One offer for each name, in the order in which they are wanted, each with an
    environment of its own. `client` is `open_client`'s, `present` what is installed,
    `policy` what may be used (`Policy.running(known=known_names(…), …)`). An upgrade
    is the same call, wanting ``INDEX/NAME>VERSION``.

    What is refused is taken off the disk again; cut-off downloads are gone on with at
    the next call. Nothing is pinned in `trust` here: `carry_out` does, after consent.

    Raises:
        MarketplaceError: Of the step that refuses the first of them.
    """
    tell("choosing versions", None)
    with projects_told(wants, client):
        chosen = choose(wants, client, policy)
    check_not_older(chosen, wants, present)
    pinned = [one for plugin in chosen for one in plugin.pinned]
    try:
        with told_of_the_disk(), incoming.held():
            arrived = get(pinned, client, incoming, tell)
            pins, around = trust.pins(), surroundings(present)
            offers: list[Offer] = []
            for one in chosen:
                tell(f"judging {one.pinned[0].name} {one.pinned[0].version}", None)
                files = [arrived[p.index, p.file.filename] for p in one.pinned]
                judged = _judged(files, client, pins, around, terms.levels)
                offers.append(_offer(one, files, judged, terms, client))
            _check_names(offers)
    except FetchError:
        raise  # what came whole is what it must be, and need not come again
    except LockgateError:
        incoming.discard(incoming.place(p.index, p.file.filename) for p in pinned)
        raise
    return tuple(offers)


def _judged(
    files: Sequence[Arrived],
    client: IndexClient,
    pins: Sequence[Pin],
    around: Surroundings,
    levels: Levels,
) -> list[tuple[Wheel, Origin]]:
    """Who made each file, and then the file itself; the plugin's comes first."""
    found: list[tuple[Wheel, Origin]] = []
    for number, one in enumerate(files):
        named = one.pinned.name, one.pinned.version
        origin = of_index(
            WheelFile(one.pinned.file.filename, one.file.sha256),
            named,
            client.sources.named(one.pinned.index),
            one.evidence,
            pins,
            plugin=number == 0,
            levels=levels,
        )
        found.append((opened(one, client, around), origin))
    return found


def _offer(
    chosen: Chosen,
    files: Sequence[Arrived],
    judged: Sequence[tuple[Wheel, Origin]],
    terms: Terms,
    client: IndexClient,
) -> Offer:
    wheels, origins = zip(*judged, strict=True)
    plan = judge(wheels, terms)
    paths = tuple(one.file.path for one in files)
    told = [
        line
        for one in origins
        for line in unproven(one, client.sources.named(one.index), terms.levels)
    ]
    warnings = (*chosen.warnings, *told)
    return Offer(plan, origins, warnings, paths, chosen.pinned[0].status)


def _check_names(offers: Sequence[Offer]) -> None:
    """Whether two of them hold one plugin's name: neither owns it yet."""
    owners: dict[str, Wheel] = {}
    for offer in offers:
        name, wheel = offer.plan.manifest.name, offer.plan.plugin
        first = owners.setdefault(name, wheel)
        if first is not wheel:
            message = (
                f"it brings the plugin {name!r}, whose name belongs to {first.name}"
            )
            where = wheel.filename
            raise WheelError(
                "wheel-entry-point-owned", message, where=where, owner=first.name
            )

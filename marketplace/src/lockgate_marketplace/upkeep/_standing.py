"""Each installed distribution beside what its index has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from lockgate.discovery import PluginState
from lockgate.installed import Installed, Staged
from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.identity import Pin
from lockgate_marketplace.install.named import PROVIDED, known_names
from lockgate_marketplace.levels import Level
from lockgate_marketplace.resolve import (
    IndexClient,
    Outdated,
    Policy,
    outdated,
)
from lockgate_marketplace.upkeep._sources import index_to_ask

__all__ = ["Standing", "policy_now", "standings"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An installed distribution, and what its index has; or why that is not known."""

    entry: Installed
    index: str = ""
    """Empty if none answers for it."""
    found: Outdated | None = None
    error: MarketplaceError | None = None
    staged: Staged | None = None
    """The release of it that waits for its owner's consent."""

    @property
    def latest(self) -> str:
        """What an upgrade would install; the present version if nothing is newer."""
        return self.found.latest if self.found is not None else self.entry.version

    @property
    def newer(self) -> bool:
        """Whether there is something to upgrade to."""
        return self.found is not None and self.found.newer


def policy_now(
    present: Iterable[PluginState],
    pins: Iterable[Pin],
    *,
    hasty: Iterable[str] = (),
    prereleases: frozenset[str] = frozenset(),
    cooldown_level: Level = "stop",
) -> Policy:
    """By what candidates are judged here and now: what is installed is known.

    `hasty` are names that need not wait.
    """
    return Policy.running(
        cooldowns=dict.fromkeys(hasty, timedelta()),
        cooldown_level=cooldown_level,
        prereleases=prereleases,
        known=known_names(present, pins),
        provided={name: version(name) for name in PROVIDED},
    )


def standings(
    entries: Iterable[Installed],
    client: IndexClient,
    pins: Sequence[Pin],
    policy: Policy,
    staged: Iterable[Staged] = (),
) -> Iterator[Standing]:
    """Ask for one after the other; what can't be known of one stops no other."""
    waiting = {one.entry.distribution: one for one in staged}
    for entry in entries:
        name, current = entry.distribution, entry.version
        aside = waiting.get(name)
        index = ""
        try:
            source = index_to_ask(entry, pins, client.sources)
            index = source.name
            found = outdated(name, source, current, client, policy)
        except MarketplaceError as error:
            yield Standing(entry, index, error=error, staged=aside)
        else:
            yield Standing(entry, index, found, staged=aside)

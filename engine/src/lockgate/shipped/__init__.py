"""The policy that the engine ships: whom it trusts from the start, and how far.

``_policy.py`` beside this module names the first-party plugins. Each entry
ties a plugin's name to the one distribution that may carry it; a plugin that
calls itself by such a name from another distribution gets nothing by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lockgate.shipped._party import FirstParty
from lockgate.shipped._policy import FIRST_PARTIES

__all__ = [
    "NOBODY",
    "FirstParty",
    "ShippedPolicy",
    "shipped_policy",
    "trusted_in_host",
]


@dataclass(frozen=True, slots=True)
class ShippedPolicy:
    """The first-party plugins, by name."""

    parties: Mapping[str, FirstParty]

    def party(self, plugin: str, distribution: str) -> FirstParty | None:
        """The entry of `plugin`, if `distribution` is the one that may carry it."""
        found = self.parties.get(plugin)
        return found if found and found.distribution == distribution else None

    @property
    def in_host(self) -> frozenset[str]:
        """The distributions whose plugins run in the host."""
        parties = self.parties.values()
        return frozenset(party.distribution for party in parties if party.in_host)

    def claims(self, plugin: str) -> bool:
        """Whether the name is a first-party one, whoever bears it."""
        return plugin in self.parties


NOBODY = ShippedPolicy(MappingProxyType({}))
"""Trusts nobody: what holds for plugins of the store, whose names an index gave."""


@cache
def shipped_policy() -> ShippedPolicy:
    """The policy of this release."""
    parties = {party.plugin: party for party in FIRST_PARTIES}
    return ShippedPolicy(MappingProxyType(parties))


def trusted_in_host(plugin: str, distribution: str) -> bool:
    """Whether `plugin` of `distribution` is of the trusted base, by its name."""
    party = shipped_policy().party(plugin, distribution)
    return party is not None and party.in_host

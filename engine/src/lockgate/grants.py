"""The owner's consent: which rights a plugin was given, and by whom.

A plugin asks for rights in its manifest; it has none until its owner grants
them (``lockgate grants grant``), or the engine's shipped policy does for a
first-party plugin. A grant is tied to the plugin's name, version and digest: a
plugin that changed must be granted anew, unless its owner said
``--any-version`` and it asks for nothing more than before.

A right is written ``kind`` or ``kind:value``: ``workers``, ``program:ruff``,
``tool:avr-gcc``, ``read:/srv/data``, ``tier:elevated``. A right that is asked
but not granted is absent; the plugin runs without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lockgate._manifest.tiers import FREE_TIERS, SYSTEM
from lockgate.shipped import FirstParty, ShippedPolicy

if TYPE_CHECKING:
    from lockgate.manifest import Manifest

__all__ = [
    "Consent",
    "Grant",
    "Identity",
    "Right",
    "consent",
    "grant_command",
    "rights_asked",
    "tier_missing",
]


@dataclass(frozen=True, slots=True)
class Right:
    """One right that a manifest asks for.

    `detail` is what it comes with (what a tool may read, its reason): part of
    what the owner consents to.
    """

    key: str
    detail: str = ""

    @property
    def kind(self) -> str:
        """The part before the colon."""
        return self.key.partition(":")[0]

    @property
    def value(self) -> str:
        """The part after the colon, or the empty string."""
        return self.key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a grant is tied to: whose code, which release, which bytes."""

    plugin: str
    distribution: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Grant:
    """An owner's consent as the grants file holds it.

    `asked` is everything the manifest asked for when the owner was asked, as
    key and detail; `granted` the keys that were given; `at` the time (RFC 3339).
    `by` is who gave a key, where it was not the owner at that moment but a consent
    policy that they keep: its file and rule.
    """

    identity: Identity
    asked: Mapping[str, str]
    granted: frozenset[str]
    any_version: bool = False
    at: str = ""
    by: Mapping[str, str] = field(default_factory=dict[str, str])

    def covers(self, identity: Identity, asked: Mapping[str, str]) -> bool:
        """Whether this consent still speaks of the plugin as it is now."""
        mine = self.identity
        if (mine.plugin, mine.distribution) != (identity.plugin, identity.distribution):
            return False
        if self.any_version:
            return asked.items() <= self.asked.items()
        return mine == identity and asked.items() <= self.asked.items()


@dataclass(frozen=True, slots=True)
class Consent:
    """What a plugin has of what it asked for.

    `source`: ``shipped`` (first-party), ``owner``, ``stale`` (a grant exists but
    speaks of another version, digest or set of rights) or ``none``. `added` and
    `dropped` compare with what a stale grant was given for.
    """

    asked: tuple[Right, ...]
    granted: frozenset[str]
    source: str
    tier: str
    in_host: bool = False
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that are asked for and not granted."""
        return tuple(r.key for r in self.asked if r.key not in self.granted)

    def has(self, key: str) -> bool:
        """Whether the right is there."""
        return key in self.granted


def rights_asked(manifest: Manifest) -> tuple[Right, ...]:
    """Every right that a manifest asks for, its tier included where that is one."""
    asked: list[Right] = []
    if manifest.tier not in FREE_TIERS:
        asked.append(Right(f"tier:{manifest.tier}"))
    rights = manifest.rights
    plain = {
        "read": rights.read,
        "write": rights.write,
        "env": rights.env,
        "net": rights.net,
        "device": rights.devices,
        "secret": rights.secrets,
    }
    for kind, values in plain.items():
        asked.extend(Right(f"{kind}:{value}") for value in values)
    if rights.workers:
        asked.append(Right("workers"))
    for hook in manifest.wrappers:
        asked.append(Right(f"wrap:{hook}", "sees and changes what others answer"))
    for program in rights.programs:
        detail = f"{program.file} of {program.distribution}"
        asked.append(Right(f"program:{program.name}", detail))
    for tool in rights.tools:
        reads = f"reads {', '.join(tool.read)}" if tool.read else ""
        detail = "; ".join(part for part in (reads, tool.reason) if part)
        asked.append(Right(f"tool:{tool.name}", detail))
    return tuple(asked)


def consent(
    identity: Identity,
    asked: tuple[Right, ...],
    *,
    tier: str,
    grant: Grant | None,
    shipped: ShippedPolicy,
) -> Consent:
    """Decide what a plugin has: shipped policy first, then its owner's grant.

    A plugin with a first-party name from another distribution is treated like
    any stranger's.
    """
    party = shipped.party(identity.plugin, identity.distribution)
    wanted = {right.key: right.detail for right in asked}
    covered = grant is not None and grant.covers(identity, wanted)
    given = _shipped_keys(party, wanted)
    source = "shipped" if party is not None else "none"
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    if grant is not None and covered:
        given |= {key for key in grant.granted if key in wanted}
        source = "owner" if party is None else source
    elif grant is not None:
        changed = wanted.items() - grant.asked.items()
        added = tuple(sorted(key for key, _ in changed))
        dropped = tuple(sorted(grant.asked.keys() - wanted.keys()))
        source = "stale" if party is None else source
    in_host = party is not None and party.in_host and tier == SYSTEM
    if not in_host:
        given.discard(f"tier:{SYSTEM}")
    return Consent(
        asked=asked,
        granted=frozenset(given),
        source=source,
        tier=SYSTEM if in_host else _effective_tier(tier, given),
        in_host=in_host,
        added=added,
        dropped=dropped,
    )


def _shipped_keys(party: FirstParty | None, wanted: Iterable[str]) -> set[str]:
    patterns = party.rights if party is not None else ()
    return {
        key for key in wanted if any(fnmatchcase(key, pattern) for pattern in patterns)
    }


def _effective_tier(tier: str, given: Iterable[str]) -> str:
    """The tier a worker runs at: the asked one if it is free or granted."""
    return tier if tier in FREE_TIERS or f"tier:{tier}" in set(given) else "basic"


def grant_command(plugin: str, *keys: str) -> str:
    """The command line that gives `plugin` the rights."""
    from shlex import quote

    return " ".join(["lockgate grants grant", plugin, *(quote(key) for key in keys)])


_AT_ANY_TIER = ("env:", "read:", "workers", "wrap:")
"""How the rights begin that are of use at every tier."""


def tier_missing(plugin: str, asked: Iterable[str], granted: Collection[str]) -> str:
    """Why rights that were granted are of no use yet, and the way out; else ``""``.

    Most rights need the tier that the manifest asks for, which is a right of its own.
    """
    keys = [key for key in asked if key.startswith("tier:") and key not in granted]
    useless = sorted(key for key in granted if not key.startswith(_AT_ANY_TIER))
    if not keys or not useless:
        return ""
    return (
        f"{plugin} stays at tier {FREE_TIERS[-1]}, where {', '.join(useless)} is of no "
        f"use. To grant the tier too: {grant_command(plugin, *keys)}"
    )

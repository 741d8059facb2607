"""What to get: each plugin that is wanted with all that it needs, on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from packaging.utils import canonicalize_name

from lockgate.discovery import PluginState
from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.identity import Pin
from lockgate_marketplace.resolve import (
    IndexClient,
    Pinned,
    Policy,
    Rejected,
    Want,
    resolve,
)

__all__ = ["PROVIDED", "Chosen", "choose", "known_names"]

PROVIDED = ("lockgate",)
"""The distributions that the host hands to every plugin."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The wheels of one plugin's environment, its own first."""

    pinned: tuple[Pinned, ...]
    warnings: tuple[str, ...] = ()
    """What does not stop, and should be seen."""
    rejected: tuple[Rejected, ...] = ()


def choose(
    wants: Iterable[Want], client: IndexClient, policy: Policy
) -> tuple[Chosen, ...]:
    """Choose for each name that is wanted; two plugins may need what clashes.

    Raises:
        SourceError, FetchError, PageError, FreshnessError, ResolutionError: As
            `resolve` does.
    """
    provided = {name: version(name) for name in PROVIDED}
    policy = replace(policy, provided={**provided, **policy.provided})
    grouped = _by_name(wants)
    return tuple(_chosen(name, group, client, policy) for name, group in grouped)


def known_names(present: Iterable[PluginState], pins: Iterable[Pin]) -> frozenset[str]:
    """Names that were installed before: they may be like others'."""
    return frozenset(
        {state.distribution for state in present if state.distribution}
        | {pin.name for pin in pins}
    )


def _by_name(wants: Iterable[Want]) -> Sequence[tuple[str, Sequence[Want]]]:
    grouped: dict[str, list[Want]] = {}
    for want in wants:
        name = canonicalize_name(want.requirement.name)
        grouped.setdefault(name, []).append(want)
    return tuple(grouped.items())


def _chosen(
    name: str, wants: Sequence[Want], client: IndexClient, policy: Policy
) -> Chosen:
    found = resolve(wants, client, policy)
    by_name: Mapping[str, Pinned] = {one.name: one for one in found.pinned}
    if name not in by_name:
        message = f"{wants[0].requirement} is for other machines than this"
        raise ResolutionError("resolve-want", message)
    others = (one for one in found.pinned if one.name != name)
    return Chosen((by_name[name], *others), found.warnings, found.rejected)

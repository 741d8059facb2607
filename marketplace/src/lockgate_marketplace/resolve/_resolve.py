"""From what is wanted to a set of wheels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name
from resolvelib import ResolutionImpossible, ResolutionTooDeep, Resolver

from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.resolve._candidates import Candidate, Pages
from lockgate_marketplace.resolve._conflicts import Conflicts
from lockgate_marketplace.resolve._near import WELL_KNOWN, check_name, near_name
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._provider import Key, Need, Provider
from lockgate_marketplace.resolve._result import (
    Pinned,
    Rejected,
    Resolution,
    summary,
    way_out,
)
from lockgate_marketplace.resolve._want import Want

__all__ = ["resolve"]

_IMPOSSIBLE: Any = ResolutionImpossible  # generic, which an except clause cannot say


def resolve(wants: Iterable[Want], pages: Pages, policy: Policy) -> Resolution:
    """Choose the newest versions that fit together and that the policy lets in.

    Raises:
        SourceError: If a name belongs to no index, or to two.
        FetchError, PageError, FreshnessError: If an index can't be believed.
        ResolutionError: If a name is like another's, or nothing fits.
    """
    asked = [want for want in wants if _holds(want, policy)]
    for want in asked:
        check_name(want.requirement.name, policy)
    needs = [
        Need(want.requirement, pages.sources.bind(want.requirement.name, want.index))
        for want in asked
    ]
    provider = Provider(pages, policy)
    resolver: Resolver[Need, Candidate, Key] = Resolver(provider, Conflicts(provider))
    try:
        result = resolver.resolve(needs, max_rounds=policy.rounds)
    except _IMPOSSIBLE as error:
        raise _impossible(
            error.causes, provider, {need.name for need in needs}
        ) from None
    except ResolutionTooDeep:
        message = f"no answer after {policy.rounds:,} rounds"
        raise ResolutionError("resolve-too-deep", message) from None
    return _resolution(result.mapping, result.graph, provider, policy)


def _holds(want: Want, policy: Policy) -> bool:
    marker = want.requirement.marker
    return marker is None or marker.evaluate(dict(policy.environment))


def _impossible(
    causes: Iterable[Any], provider: Provider, asked: set[str]
) -> ResolutionError:
    found: list[tuple[Need, Candidate | None]] = [
        (cause.requirement, cause.parent) for cause in causes
    ]
    names = sorted({need.name for need, _ in found})
    rejected = list(provider.rejected.values())
    fields = [
        {
            "name": r.name,
            "version": r.version,
            "index": r.index,
            "code": r.code,
            "reason": r.reason,
        }
        for r in rejected
        if r.name in asked.union(names)
    ]
    if len({(need.parent, str(need.requirement)) for need, _ in found}) < 2:
        name, by = names[0], found[0][0].parent
        message = summary(name, rejected) + (f" ({by} needs it)" if by else "")
        hint = way_out(name, rejected, needed=bool(by), firm=provider.firm)
        return ResolutionError(
            "resolve-no-candidate", message, where=name, hint=hint, rejected=fields
        )
    told = [
        f"{need.parent or 'you'}"
        + (f" {parent.version}" if parent is not None else "")
        + f" require{'' if not need.parent else 's'} {need.requirement}"
        for need, parent in found
    ]
    message = "; ".join(dict.fromkeys(told))
    return ResolutionError(
        "resolve-impossible", message, where=", ".join(names), rejected=fields
    )


def _resolution(
    mapping: Any, graph: Any, provider: Provider, policy: Policy
) -> Resolution:
    chosen: dict[str, Candidate] = {}
    extras: dict[str, frozenset[str]] = {}
    for (name, wanted), candidate in mapping.items():
        chosen[name] = candidate
        extras[name] = extras.get(name, frozenset()) | wanted
    by: dict[str, set[str]] = {name: set() for name in chosen}
    for name in chosen:
        for key in (key for key in mapping if key[0] == name):
            by[name] |= {p[0] if p else "" for p in graph.iter_parents(key)} - {name}
    pinned: list[Pinned] = []
    for name, candidate in sorted(chosen.items()):
        whole = replace(candidate, extras=extras[name])
        required = {canonicalize_name(r.name) for r in provider.requires(whole)}
        pinned.append(
            Pinned(
                name,
                str(candidate.version),
                candidate.index.name,
                candidate.file,
                provider.metadata(candidate)[0],
                extras[name],
                tuple(sorted(required)),
                tuple(sorted(by[name])),
                provider.status(name),
                candidate.young,
            )
        )
    rejected = [
        r
        for (name, version), r in provider.rejected.items()
        if name not in chosen or version != str(chosen[name].version)
    ]
    return Resolution(
        tuple(pinned), tuple(rejected), tuple(_warnings(pinned, rejected, policy))
    )


def _warnings(
    pinned: Sequence[Pinned], rejected: Sequence[Rejected], policy: Policy
) -> Iterable[str]:
    """What does not stop, and should be seen."""
    for one in pinned:
        if one.status:
            yield f"{one.index} says that {one.name} is {one.status}"
        if one.young:
            yield f"{one.name} {one.version}: {one.young}"
        if one.file.yanked is not None:
            yield f"{one.name} {one.version} was yanked, and was asked for all the same"
        near = near_name(one.name, WELL_KNOWN | policy.known)
        if near and one.name not in policy.right_names | policy.known:
            yield f"{one.name} is required, and its name is close to {near}"
    for left in rejected:
        if left.code == "cooldown":
            yield f"{left.name} {left.version} is waiting: {left.reason}"

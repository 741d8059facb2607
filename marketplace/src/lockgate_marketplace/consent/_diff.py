"""The rights of a release beside those that an earlier one was granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lockgate.grants import Consent, Grant, Right, rights_asked
from lockgate.manifest import Manifest

__all__ = ["Asked", "Change", "compare", "passes_on"]

Change: TypeAlias = Literal["new", "held", "changed"]
"""``held``: granted to the release before, for the very same; ``changed``: not for the
same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One right that is asked for, and how it stands."""

    right: Right
    change: Change


def compare(manifest: Manifest, before: Consent | None) -> tuple[Asked, ...]:
    """Each right that `manifest` asks for, beside what `before` had.

    Without `before` nothing was granted to an earlier release.
    """
    held: dict[str, str] = {}
    if before is not None:
        held = {r.key: r.detail for r in before.asked if before.has(r.key)}
    return tuple(Asked(right, _change(right, held)) for right in rights_asked(manifest))


def passes_on(grant: Grant, distribution: str, manifest: Manifest) -> bool:
    """Whether a grant would give rights to a release that its owner has not seen.

    Such a grant is for any version of a distribution, and names are all that it holds
    them by: whoever can choose the wheel can choose the code that has its rights.
    """
    asked = {right.key: right.detail for right in rights_asked(manifest)}
    return (
        grant.any_version
        and bool(grant.granted & asked.keys())
        and grant.identity.distribution == distribution
        and asked.items() <= grant.asked.items()
    )


def _change(right: Right, held: dict[str, str]) -> Change:
    if right.key not in held:
        return "new"
    return "held" if held[right.key] == right.detail else "changed"

"""Derived rights: what a tree of source would need, beside what it was given.

They come from findings, so they are a reader's guess: too many where code is
never run, too few where it is hidden. `Derived.blind` says when the guess is worth
little. They stand beside the declared and the granted rights for a person to
compare; nothing is granted or refused because of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lockgate_sandbox.policy import Policy
from lockgate_sandbox.source.findings import Finding, Right

__all__ = ["Comparison", "Derived", "compare_rights", "rights"]

_BLINDING = frozenset({Right.DYNAMIC, Right.NATIVE})


@dataclass(frozen=True, slots=True)
class Derived:
    """The rights that source speaks of.

    `subjects` are what literals name for each of them, sorted: paths, programs,
    variables, modules. `because` are the findings, in order.
    """

    rights: frozenset[Right]
    subjects: tuple[tuple[Right, tuple[str, ...]], ...]
    because: tuple[Finding, ...]

    @property
    def blind(self) -> bool:
        """Whether code that can't be read may need more than this."""
        return bool(self.rights & _BLINDING)

    def to_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return {
            "rights": sorted(self.rights),
            "subjects": {str(right): list(named) for right, named in self.subjects},
            "blind": self.blind,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Derived rights against a policy.

    `missing` are used but not granted; `unused` are granted but not seen in use.
    Where `blind`, neither list is to be relied upon. `variables` are the
    environment variables that are read by name and not set.
    """

    missing: tuple[Right, ...]
    unused: tuple[Right, ...]
    variables: tuple[str, ...]
    blind: bool


def rights(findings: Iterable[Finding]) -> Derived:
    """The rights that `findings` speak of."""
    because = tuple(finding for finding in findings if finding.right is not None)
    named: dict[Right, set[str]] = {}
    for finding in because:
        if finding.right is not None:
            subjects = named.setdefault(finding.right, set())
            if finding.subject:
                subjects.add(finding.subject)
    listed = tuple((right, tuple(sorted(named[right]))) for right in sorted(named))
    return Derived(frozenset(named), listed, because)


def compare_rights(derived: Derived, policy: Policy) -> Comparison:
    """What `derived` uses beyond `policy`, and what `policy` gives beyond it.

    Reading is not compared: every worker may read its own environment. Threads
    are always allowed. ``native`` and ``dynamic`` are no rights of a policy.
    """
    given = _given(policy)
    used = derived.rights - {Right.READ, Right.THREAD, *_BLINDING}
    env = {name for name, _ in policy.env}
    variables = [
        name
        for right, names in derived.subjects
        if right is Right.ENV
        for name in names
        if name not in env
    ]
    if used & {Right.ENV} and not variables and env:
        used -= {Right.ENV}
    compared = given - {Right.READ, Right.THREAD}
    return Comparison(
        missing=tuple(sorted(used - given)),
        unused=tuple(sorted(compared - derived.rights)),
        variables=tuple(variables),
        blind=derived.blind,
    )


def _given(policy: Policy) -> frozenset[Right]:
    """What the kernel or the broker would allow."""
    found = {Right.READ, Right.THREAD}
    changes = any(item.write for item in policy.files)
    if policy.tier.may_write or policy.write or changes:
        found.add(Right.WRITE)
    if policy.programs or policy.tools:
        found.add(Right.PROGRAM)
    if policy.programs:
        found.add(Right.PROCESS)
    if policy.hosts:
        found.add(Right.NET)
    if policy.env:
        found.add(Right.ENV)
    return frozenset(found)

"""What an owner lets be granted without being asked: rules that only ever add.

A right is given if one rule that fits a release names it. No rule takes away, none is
stronger than another, and nothing is a pattern: their order means nothing, and what is
not written is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lockgate.grants import Right
from lockgate_marketplace.identity import Identity

__all__ = ["Coming", "ConsentPolicy", "Publisher", "Rule"]

_TIERS = ("elevated", "admin")
"""Those that are a right, the lower one first; nobody can grant a higher one."""
_FIXED = frozenset({"wrap"})
"""Kinds of rights whose detail is always the same words."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A wheel that would be installed: whence and by whom, as it was proven here."""

    sha256: str
    index: str = ""
    """The index that it was fetched from; empty for a file, whatever is said of it."""
    identity: Identity = field(default=Identity("none"))


@dataclass(frozen=True, slots=True)
class Publisher:
    """By whom a release must be proven to be: a key, or ids that nobody gets twice."""

    kind: str
    issuer: str
    subject: str
    owner: str = ""
    pipeline: str = ""

    def made(self, identity: Identity) -> bool:
        """Whether `identity` is this one; what is left empty may be anything."""
        mine = (self.kind, self.issuer, self.subject)
        return (
            mine == (identity.kind, identity.issuer, identity.subject)
            and self.owner in ("", identity.owner)
            and self.pipeline in ("", identity.pipeline)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """Which releases it speaks of, and what they may be given."""

    project: str = ""
    plugin: str = ""
    index: str = ""
    publisher: Publisher | None = None
    wheels: frozenset[str] = frozenset()
    tier: str = ""
    rights: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    """By key: what it may come with, word for word; None: nothing."""

    def fits(
        self,
        plugin: str,
        project: str,
        wheels: Sequence[Coming],
        drawn: Collection[str],
    ) -> bool:
        """Whether it speaks of a release, its own wheel first; see `ConsentPolicy`."""
        own, *others = wheels
        return (
            self.project in ("", project)
            and self.plugin in ("", plugin)
            and self.index in ("", own.index)
            and (self.publisher is None or self.publisher.made(own.identity))
            and (not self.wheels or own.sha256 in self.wheels)
            and all(self._trusts(one, drawn) for one in others)
        )

    def _trusts(self, wheel: Coming, drawn: Collection[str]) -> bool:
        """Whether what comes along, and would have the rights too, is meant as well."""
        return (
            (bool(self.index and wheel.index) and wheel.index in drawn)
            or (self.publisher is not None and self.publisher.made(wheel.identity))
            or wheel.sha256 in self.wheels
        )

    def gives(self, right: Right) -> bool:
        """Whether it gives `right` to a release that it fits."""
        if right.kind == "tier":
            mine = _TIERS[: _TIERS.index(self.tier) + 1] if self.tier in _TIERS else ()
            return right.value in mine
        if right.key not in self.rights:
            return False
        detail = self.rights[right.key]
        if detail is None:
            return not right.detail or right.kind in _FIXED
        return detail == right.detail


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """The rules of one file; without any, everything is asked about."""

    file: str = ""
    rules: tuple[Rule, ...] = ()

    def gives(
        self,
        plugin: str,
        project: str,
        wheels: Sequence[Coming],
        asked: Iterable[Right],
        drawn: Collection[str] = (),
    ) -> dict[str, str]:
        """The keys that are given to a release, each with the rule that gives it.

        `wheels` are all that its environment would hold, its own first: whatever is in
        there has the rights. `drawn` are the indexes that the one of its own wheel
        draws from, itself included.
        """
        found: dict[str, str] = {}
        for number, rule in enumerate(self.rules, 1):
            if not rule.fits(plugin, project, wheels, drawn):
                continue
            for right in asked:
                if rule.gives(right):
                    found.setdefault(right.key, f"policy {self.file}, rule {number}")
        return found

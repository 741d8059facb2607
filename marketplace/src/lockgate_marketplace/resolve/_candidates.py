"""The versions of a project that may be used here, and a reason against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lockgate_marketplace.memory import Seen
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._result import Rejected
from lockgate_marketplace.simple import IndexFile
from lockgate_marketplace.sources import Index, Sources

__all__ = ["Candidate", "Pages", "Shelf", "judged", "shelf", "status_of", "young_word"]

_STATUS_CHARS = 240


class Pages(Protocol):
    """Where pages and metadata come from: `IndexClient`, or a test."""

    @property
    def sources(self) -> Sources:
        """The indexes, and which names belong to them."""
        ...

    def page(self, index: Index, name: str) -> Seen:
        """What `index` says of a project."""
        ...

    def metadata(self, index: Index, file: IndexFile) -> bytes:
        """The METADATA of a wheel."""
        ...

    def manifest(self, index: Index, file: IndexFile) -> dict[str, object] | None:
        """The manifest of a plugin, if the index shows it."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that may be chosen, by its best wheel."""

    name: str
    version: Version
    index: Index
    file: IndexFile
    extras: frozenset[str] = frozenset()
    young: str = ""
    """That it was uploaded only just now, where that stops nothing."""


@dataclass(slots=True)
class Shelf:
    """The candidates of a name, the newest first, and what was put aside."""

    candidates: list[Candidate]
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    yanked: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    """By version: what may be had only by its exact version (PEP 592)."""
    status: str = ""
    """What the index says of the whole project, if it is not active (PEP 792)."""


def shelf(pages: Pages, index: Index, name: str, policy: Policy) -> Shelf:
    """Judge all wheels of a project by what its page says.

    Raises:
        MarketplaceError: If the page can't be had, is unsound, or contradicts the
            past.
    """
    seen = pages.page(index, name)
    age = policy.cooldown_for(name, pages.sources.cooldown_of(index))
    best: dict[Version, tuple[int, IndexFile]] = {}
    against: dict[Version, Rejected] = {}
    yanked: dict[Version, tuple[int, IndexFile]] = {}
    for file in seen.page.files:
        rank, code, reason = judged(file, policy, age, seen)
        version = file.version
        if code:
            rejected = Rejected(
                name, str(version), index.name, code, reason, file.filename
            )
            against.setdefault(version, rejected)
            if code != "yanked":
                continue
        group = yanked if code else best
        if version not in group or rank < group[version][0]:
            group[version] = rank, file
    listed = {Version(f.wheel.version) for f in seen.page.files}
    left = [r for v, r in sorted(against.items(), reverse=True) if v not in best]
    left += _without_wheel(seen, index, listed)
    chosen = sorted(best.items(), reverse=True)

    def candidate(version: Version, file: IndexFile) -> Candidate:
        young = young_word(file, policy, age, seen)
        return Candidate(name, version, index, file, young=young)

    return Shelf(
        [candidate(version, file) for version, (_, file) in chosen],
        left,
        {
            str(version): candidate(version, file)
            for version, (_, file) in yanked.items()
        },
        status_of(seen),
    )


def status_of(seen: Seen) -> str:
    """The project's, in words: ``deprecated: use the other one``; ``""`` if active."""
    page = seen.page
    if page.status == "active":
        return ""
    said = f"{page.status}: {page.reason}" if page.reason else page.status
    return ascii(said[:_STATUS_CHARS])[1:-1][:_STATUS_CHARS]


def judged(
    file: IndexFile, policy: Policy, age: timedelta, seen: Seen
) -> tuple[int, str, str]:
    """The rank of its best tag, and the code and reason that speak against it.

    `age` is how old it must be, `seen` what is known of how old it is.
    """
    try:
        python = SpecifierSet(file.requires_python)
        fits = python.contains(policy.python, prereleases=True)
    except ValueError:  # of a number of thousands of digits too
        shown = file.requires_python[:60]
        return 0, "python", f"its Requires-Python is no specifier: {shown!r}"
    if not fits:
        return 0, "python", f"it requires Python {python}, this is {policy.python}"
    ranks = [policy.ranks[tag] for tag in file.wheel.tags if tag in policy.ranks]
    if not ranks:
        tags = ", ".join(sorted(map(str, file.wheel.tags))[:2])
        return 0, "tags", f"its wheels are for other machines ({tags})"
    young = young_word(file, policy, age, seen)
    if young and policy.cooldown_level != "note":
        return 0, "cooldown", young
    if file.yanked is not None:
        why = f": {ascii(file.yanked[:100])[1:-1]}" if file.yanked else ""
        return min(ranks), "yanked", f"it was yanked{why}"
    return min(ranks), "", ""


def young_word(file: IndexFile, policy: Policy, age: timedelta, seen: Seen) -> str:
    """That a file is younger than `age`, in words; ``""`` if it is not."""
    known = seen.since(file)
    if not age or known is None or policy.now - known[0] >= age:
        return ""
    since, told = known
    days = age / timedelta(days=1)
    return f"it was {told} {since:%Y-%m-%d %H:%M}, less than {days:g} days ago"


def _without_wheel(seen: Seen, index: Index, listed: set[Version]) -> list[Rejected]:
    """Versions of which there are only source distributions, which are never built."""
    page = seen.page
    found: list[Rejected] = []
    for text in page.versions:
        try:
            version = Version(text)
        except ValueError:
            continue
        if version not in listed:
            reason = "it has no wheel, and source distributions are never built"
            found.append(
                Rejected(page.name, str(version), index.name, "no-wheel", reason)
            )
    return sorted(found, key=lambda r: Version(r.version), reverse=True)

"""What is newer than what is here, and why what is newest is not taken."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.version import Version

from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.resolve._candidates import Pages, shelf
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._resolve import resolve
from lockgate_marketplace.resolve._result import Rejected, rejected_of
from lockgate_marketplace.resolve._want import Want
from lockgate_marketplace.sources import Index

__all__ = ["Outdated", "outdated"]

_NOTHING_FITS = ("resolve-no-candidate", "resolve-impossible", "resolve-too-deep")


@dataclass(frozen=True, slots=True)
class Outdated:
    """A version that is here, held against its index."""

    name: str
    index: str
    current: str
    latest: str
    """The newest that may be used here with all that it needs; `current` if that is."""
    waiting: tuple[Rejected, ...] = ()
    """Newer versions still that may not be used, and why, the newest first."""
    against: Rejected | None = None
    """What the index says against the version that is here: it was yanked."""
    status: str = ""
    """What it says of the whole project, if that is not active."""

    @property
    def newer(self) -> bool:
        """Whether there is something to upgrade to."""
        return self.latest != self.current


def outdated(
    name: str, index: Index, current: str, pages: Pages, policy: Policy
) -> Outdated:
    """Hold a version against what its index has now.

    What is only a pre-release waits for nobody, unless the policy takes those.

    Raises:
        MarketplaceError: If the index can't be believed.
    """
    here = Version(current)
    ready = shelf(pages, index, name, policy)
    known = {str(c.version) for c in ready.candidates}
    known |= {r.version for r in ready.rejected}
    latest, rejected = current, ready.rejected
    if any(Version(version) > here for version in known):
        latest, rejected = _newest(name, index, here, pages, policy)
    waiting = [
        one
        for one in rejected
        if one.name == name
        and one.code != "pre-release"
        and Version(one.version) > max(here, Version(latest))
    ]
    waiting.sort(key=lambda one: Version(one.version), reverse=True)
    against = next(
        (r for r in ready.rejected if r.code == "yanked" and r.version == str(here)),
        None,
    )
    waits, status = tuple(waiting), ready.status
    return Outdated(name, index.name, current, latest, waits, against, status)


def _newest(
    name: str, index: Index, here: Version, pages: Pages, policy: Policy
) -> tuple[str, list[Rejected]]:
    """What an upgrade would take, and what speaks against others."""
    want = Want(Requirement(f"{name}>={here.public}"), index.name)
    try:
        found = resolve([want], pages, policy)
    except ResolutionError as error:
        if error.code not in _NOTHING_FITS:
            raise
        return str(here), list(rejected_of(error))
    chosen = next(one for one in found.pinned if one.name == name)
    newest = max(here, Version(chosen.version))
    return str(newest), list(found.rejected)

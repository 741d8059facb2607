"""An offer before its owner: what it asks for, beside what they agreed to before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import PluginUnavailableError
from lockgate.granting import consent_now, grant_of
from lockgate.grants import Grant
from lockgate_marketplace.consent import Asked, ConsentPolicy, compare
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install._former import brings_others, former
from lockgate_marketplace.install._offer import Offer
from lockgate_marketplace.install.agreed._given import allowed
from lockgate_marketplace.lock import index_recorded
from lockgate_marketplace.scan import Along, VerdictCache, scan_along
from lockgate_marketplace.store import Store

__all__ = ["Case", "case_of", "changed_meanwhile"]


@dataclass(frozen=True, slots=True)
class Case:
    """An offer, the release that it takes the place of, and what it asks for."""

    offer: Offer
    before: PluginState | None
    asked: tuple[Asked, ...]
    grant: Grant | None
    """What its owner granted to a plugin of its name so far, to whichever release."""
    along: tuple[Along, ...]
    """What it brings besides itself, and what the source of that does."""
    allowed: Mapping[str, str]
    """The rights that its owner's policy gives, each with the rule that does."""
    moved: bool = False
    """Whether what it takes the place of came from somewhere else."""

    @property
    def name(self) -> str:
        """The plugin's."""
        return self.offer.plan.manifest.name

    @property
    def version(self) -> str:
        """The plugin's."""
        return self.offer.plan.plugin.version

    @property
    def keys(self) -> frozenset[str]:
        """The rights that it asks for."""
        return frozenset(one.right.key for one in self.asked)

    @property
    def displaced(self) -> PluginState | None:
        """What of the host's own environment it takes the place of, if it does."""
        return None if self.before is None or self.before.stored else self.before


def case_of(
    offer: Offer,
    present: Sequence[PluginState],
    config: Config,
    policy: ConsentPolicy,
) -> Case:
    """What is asked for, beside what still speaks of an earlier release.

    What the shipped policy gives is the host's own installation's, no wheel's; what
    was agreed to for a file or for one index is not for another's plugin of that name.

    Raises:
        ConsentError: If what is installed was taken away while it was looked at.
        SourceError: If the settings of the indexes are unsound.
        GrantsError: If the grants can't be read.
    """
    before = former(offer.plan, present)
    held, grant = None, grant_of(offer.plan.manifest.name, config)
    same = _same_index(offer, config)
    here = not offer.origin.new and same
    if before is not None and here and not brings_others(offer.plan, before):
        try:
            held, grant = consent_now(replace(before, stored=True), config)
        except PluginUnavailableError as error:
            raise changed_meanwhile(offer) from error
    plan = offer.plan
    cache = VerdictCache.below(Path(config.data_dir))
    along = scan_along(plan.wheels[1:], plan.manifest, cache)
    asked = compare(plan.manifest, held)
    given = allowed(policy, plan, [one.coming for one in offer.origins], config)
    return Case(offer, before, asked, grant, along, given, moved=not same)


def changed_meanwhile(offer: Offer) -> ConsentError:
    """Why nothing is installed where its owner was asked by what is there no more."""
    message = f"{offer.plan.manifest.name} was installed, or taken away, meanwhile"
    where = offer.plan.plugin.filename
    hint = "Run it again: you are asked by what is there now."
    return ConsentError("consent-needed", message, where=where, hint=hint)


def _same_index(offer: Offer, config: Config) -> bool:
    """Whether what is installed came from the index of `offer`, if that is of one.

    That something of its name came from there is not enough: it may have come along
    with another plugin.
    """
    index = offer.origin.index
    if not index:
        return True
    generation = Store(config.data_dir).folder.read()
    entry = generation.get(offer.plan.plugin.name)
    return entry is not None and index_recorded(entry) == index

"""Upgrades of what is installed: each judged and agreed to alone, in force together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import LockgateError
from lockgate.installed import Installed
from lockgate_marketplace.consent import ConsentPolicy, Word
from lockgate_marketplace.errors import ConsentError, MarketplaceError
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import Incoming, Offer, Terms, check_claims
from lockgate_marketplace.install.agreed import (
    Ask,
    Case,
    Given,
    carried,
    case_of,
    check_known,
    consented,
)
from lockgate_marketplace.install.named import Tell, from_index
from lockgate_marketplace.resolve import IndexClient, Policy, Want
from lockgate_marketplace.store import Store
from lockgate_marketplace.upkeep._standing import Standing, policy_now, standings

__all__ = ["Outcome", "Upgrades", "agree_to", "put_in_force"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one distribution that was to be upgraded.

    `state` is ``current``, ``possible`` (judged, nobody was asked), ``upgraded``
    (agreed to), ``staged``, ``withdrawn`` (what was set aside can't be used any more)
    or ``failed``.
    """

    entry: Installed
    state: str
    found: Standing
    case: Case | None = None
    granted: Given = field(default_factory=dict[str, str])
    error: LockgateError | None = None

    @property
    def exit_status(self) -> int:
        """A command's: 0, 1 if something was withdrawn, or its error's."""
        if self.error is not None:
            return self.error.exit_status
        return 1 if self.state == "withdrawn" else 0


@dataclass(frozen=True, slots=True)
class Upgrades:
    """What upgrades are chosen and judged by, beside what is installed (`present`)."""

    present: Sequence[PluginState]
    terms: Terms
    policy: ConsentPolicy
    hasty: bool = False
    """Whether what was uploaded only just now will do."""
    prereleases: bool = False

    def possible(
        self, entries: Sequence[Installed], client: IndexClient, tell: Tell
    ) -> Iterator[Outcome]:
        """What the indexes have that is newer, got and judged, each on its own.

        `client` is `open_client`'s. What is refused of one stops no other.
        """
        config = self.terms.config
        trust = Trust.below(Path(config.data_dir))
        pins = trust.pins()
        usable = self._usable(entries, trust)
        staged = Store(config.data_dir).folder.staged()
        for one in standings(entries, client, pins, usable, staged):
            tell(f"looking for {one.entry.distribution}", None)
            if one.error is not None or not one.newer:
                state = "current" if one.error is None else "failed"
                yield Outcome(one.entry, state, one, error=one.error)
                continue
            try:
                made = self._offer(one, client, trust, usable, tell)
                check_claims([made.plan], self.present)
                case = case_of(made, self.present, config, self.policy)
            except MarketplaceError as error:
                yield Outcome(one.entry, "failed", one, error=error)
            else:
                yield Outcome(one.entry, "possible", one, case)

    def _usable(self, entries: Iterable[Installed], trust: Trust) -> Policy:
        names = frozenset(entry.distribution for entry in entries)
        return policy_now(
            self.present,
            trust.pins(),
            hasty=names if self.hasty else frozenset(),
            prereleases=names if self.prereleases else frozenset(),
            cooldown_level=self.terms.levels.of("cooldown"),
        )

    def _offer(
        self,
        one: Standing,
        client: IndexClient,
        trust: Trust,
        usable: Policy,
        tell: Tell,
    ) -> Offer:
        want = Want.parse(f"{one.index}/{one.entry.distribution}=={one.latest}")
        came = Incoming.below(Path(self.terms.config.data_dir))
        (made,) = from_index(
            [want], client, trust, came, self.present, usable, self.terms, tell=tell
        )
        return made


def agree_to(
    outcomes: Sequence[Outcome], word: Word, store: Store, *, ask: Ask
) -> list[Outcome]:
    """Ask the owner about each that is possible, in their order.

    What is set aside, or can't be used any more, is written down.

    Raises:
        ConsentError: If a right is named that none of them asks for.
        StoreError, InstalledError: If it can't be written down.
    """
    cases = [one.case for one in outcomes if one.case is not None]
    if cases:
        check_known(cases, word)
    sharing = len(cases) > 1
    return [_agreed(one, word, store, ask, sharing=sharing) for one in outcomes]


def _agreed(
    one: Outcome, word: Word, store: Store, ask: Ask, *, sharing: bool
) -> Outcome:
    if one.case is None:
        if one.state == "current" and one.found.staged is not None:
            store.put_back(one.entry.distribution)
            return replace(one, state="withdrawn")
        return one
    try:
        granted = consented(one.case, word, store, ask=ask, sharing=sharing)
    except ConsentError as error:
        state = "staged" if error.code == "consent-needed" else "failed"
        return replace(one, state=state, error=error)
    return replace(one, state="upgraded", granted=granted)


def put_in_force(outcomes: Iterable[Outcome], config: Config) -> int:
    """All that is agreed to, in one generation; its number, or 0.

    Raises:
        ConsentError, ContractError, StoreError, IdentityError, InstalledError: As
            `carried` does.
    """
    agreed = [(o.case, o.granted) for o in outcomes if o.state == "upgraded" and o.case]
    if not agreed:
        return 0
    granted = {case.name: keys for case, keys in agreed}
    cases = [case for case, _ in agreed]
    return carried(cases, granted, config, verb="upgrade").generation

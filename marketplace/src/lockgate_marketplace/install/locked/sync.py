"""The whole way from a lock to what is in force: got, judged, checked, put in force.

What is not at hand comes from the index that the lock names, if the owner's settings
name it too. What is given is what an owner's policy allows, and nothing else.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lockgate.discovery import PluginState
from lockgate.granting import grant_of
from lockgate.grants import Grant
from lockgate.inventory import found_by
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.identity import Pin, Trust
from lockgate_marketplace.install._claims import check_claims
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install._origin import Origin
from lockgate_marketplace.install._plan import Plan, Terms
from lockgate_marketplace.install.agreed import Given, by_policy, grant_given
from lockgate_marketplace.install.locked._changes import judge_locked
from lockgate_marketplace.install.locked._makers import known_makers, origins_of
from lockgate_marketplace.install.locked._put import put_in_force
from lockgate_marketplace.install.locked._rights import check_rights
from lockgate_marketplace.lock import (
    LockedPlugin,
    LockedWheel,
    check_makers,
    check_there,
    files_in,
    lacking,
)
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate_marketplace.install.locked.missing import Got
    from lockgate_marketplace.install.named import Tell

__all__ = ["Sync", "Synced"]


@dataclass(frozen=True, slots=True)
class Synced:
    """The generation that holds it, or 0; what came from indexes; what was granted."""

    generation: int
    fetched: tuple[str, ...]
    warnings: tuple[str, ...]
    given: tuple[tuple[Plan, Given], ...]


_Files: TypeAlias = "tuple[dict[str, Path], Mapping[str, Got]]"


@dataclass(frozen=True, slots=True)
class _Judged:
    """What may be put in force, by whom it is, and the grants that it was held by."""

    plans: Sequence[Plan]
    origins: Sequence[Origin]
    was: Mapping[str, Grant | None]
    given: Sequence[tuple[Plan, Given]]


@dataclass(frozen=True, slots=True)
class Sync:
    """How a lock is brought in force here: where from, and what its owner lets pass."""

    terms: Terms
    policy: ConsentPolicy
    wheels: Path | None = None
    """The folder that wheels are taken from before any index is asked."""
    offline: bool = False
    hasty: bool = False
    """Whether what was uploaded only just now will do."""
    names_right: bool = False
    """Whether names that are close to well-known ones are meant."""
    keep_rights: bool = False
    """Whether rights that a plugin has at any version pass to what the lock brings."""

    @property
    def _store(self) -> Store:
        return Store(self.terms.config.data_dir)

    @property
    def _trust(self) -> Trust:
        return Trust.below(Path(self.terms.config.data_dir))

    def carry_out(
        self, changed: Sequence[LockedPlugin], tell: Tell, *, dry_run: bool = False
    ) -> Synced:
        """Judge what changes (`changes`), and put it in force, in one generation.

        Raises:
            LockFileError: If a wheel is not there, or not what the lock says of it.
            ConsentError: ``consent-lock``.
            MarketplaceError: Of the step that refuses.
        """
        store = self._store
        # What the store has now is built upon until the end: nobody may collect it.
        lasts = bool(changed) and not dry_run and store.root.exists()
        with store.held() if lasts else nullcontext():
            return self._carried_out(changed, tell, dry_run=dry_run)

    def _carried_out(
        self, changed: Sequence[LockedPlugin], tell: Tell, *, dry_run: bool
    ) -> Synced:
        pins = self._trust.pins()
        present = found_by(self.terms.config).plugins
        with self._at_hand(changed, present, pins, tell) as (files, got):
            tell("judging", None)
            plans = judge_locked(changed, self._store, files, present, self.terms)
        fetched = {sha256: one.origin for sha256, one in got.items()}
        judged = self._checked(plans, changed, present, pins, fetched)
        number = 0 if dry_run else self._put(judged, changed, fetched)
        if got:
            incoming = Incoming.below(Path(self.terms.config.data_dir))
            incoming.discard([one.path for one in got.values()])
        warnings = tuple(line for one in got.values() for line in one.warnings)
        names = tuple(one.path.name for one in got.values())
        return Synced(number, names, warnings, tuple(judged.given))

    @contextmanager
    def _at_hand(
        self,
        changed: Sequence[LockedPlugin],
        present: Sequence[PluginState],
        pins: Sequence[Pin],
        tell: Tell,
    ) -> Generator[_Files]:
        """The files of what the store lacks, by hash; and those that an index gave.

        Raises:
            LockFileError, StoreError: If some are nowhere.
        """
        needed = lacking(changed, self._store)
        files = files_in(self.wheels, needed) if self.wheels is not None else {}
        missing = [one for one in needed if one.sha256 not in files]
        nowhere = [one for one in missing if self.offline or not one.index]
        check_there(nowhere, self._store, self._sought())
        with self._fetched(missing, changed, present, pins, tell) as got:
            yield files | {sha256: one.path for sha256, one in got.items()}, got

    def _sought(self) -> str:
        """Where what the store lacks is not either, for a message."""
        place = "given by --wheels" if self.wheels is None else f"in {self.wheels}"
        place += " (--wheels)" if self.wheels is not None else ""
        return f"{place}, and no index is asked (--offline)" if self.offline else place

    @contextmanager
    def _fetched(
        self,
        missing: Sequence[LockedWheel],
        changed: Sequence[LockedPlugin],
        present: Sequence[PluginState],
        pins: Sequence[Pin],
        tell: Tell,
    ) -> Generator[Mapping[str, Got]]:
        """What is `missing`, from the indexes; nothing is asked if nothing is."""
        if not missing:
            yield {}
            return
        # They bring the HTTP client, which wheels at hand do without.
        from lockgate_marketplace.install.locked.missing import fetch_missing
        from lockgate_marketplace.install.named import known_names
        from lockgate_marketplace.resolve import Policy, open_client

        names = frozenset(one.name for one in missing)
        levels, config = self.terms.levels, self.terms.config
        usable = Policy.running(
            cooldowns=dict.fromkeys(names, timedelta()) if self.hasty else None,
            cooldown_level=levels.of("cooldown"),
            known=known_names(present, pins),
            right_names=names if self.names_right else frozenset(),
        )
        data = Path(config.data_dir)
        came = Incoming.below(data)
        with (
            open_client(config.for_plugin("marketplace"), data) as client,
            fetch_missing(
                missing, changed, client, pins, came, usable, levels, tell=tell
            ) as got,
        ):
            yield got

    def _checked(
        self,
        plans: Sequence[Plan],
        changed: Sequence[LockedPlugin],
        present: Sequence[PluginState],
        pins: Sequence[Pin],
        fetched: Mapping[str, Origin],
    ) -> _Judged:
        """Whether they would take no rights, names or makers that are not theirs.

        Raises:
            ConsentError: ``consent-lock``.
            ContractError: ``contract-claimed``.
            IdentityError, LockFileError: If somebody else made them.
        """
        config = self.terms.config
        was = {p.manifest.name: grant_of(p.manifest.name, config) for p in plans}
        if not self.keep_rights:
            check_rights(plans, was)
        check_claims(plans, present)
        origins = origins_of(plans, self._store, self.wheels, pins, fetched)
        proven = [(one.name, one.finding.identity) for one in origins]
        check_makers(changed, [*((pin.name, pin.identity) for pin in pins), *proven])
        makers = known_makers(plans, origins, self._store)
        given = by_policy(plans, makers, self.policy, config)
        return _Judged(plans, origins, was, given)

    def _put(
        self,
        judged: _Judged,
        changed: Sequence[LockedPlugin],
        fetched: Mapping[str, Origin],
    ) -> int:
        """The number of the generation that holds it."""
        store, trust, config = self._store, self._trust, self.terms.config

        def still_free() -> None:
            check_claims(judged.plans, found_by(config).plugins)
            # Of what the store had before there is no origin yet to hold against pins.
            origins_of(judged.plans, store, self.wheels, trust.pins(), fetched)

        return put_in_force(
            judged.plans,
            changed,
            store,
            trust,
            judged.origins,
            before=still_free,
            after=lambda made: grant_given(
                judged.given, judged.was, config, store, made
            ),
        )

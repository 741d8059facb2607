"""Who is in the host: every plugin that was found, and its berth if it has one.

The roster can change while calls are under way. Each change makes a new dispatcher
beside the old one and swaps them; a call goes on with the one that it began with.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lockgate._dispatch.dispatch import Dispatcher
from lockgate._dispatch.vacancy import Vacancy
from lockgate._inhost.seat import InHostPlugin
from lockgate._record.audit import LogLine
from lockgate._record.journal import Journal
from lockgate._record.lifecycle import History, Lifecycle, stages_of
from lockgate._record.meter import Meter
from lockgate._record.quarantine import WAY_OUT
from lockgate._sealed.seat import SealedPlugin
from lockgate._seating.berth import Berth
from lockgate._seating.registry import hooks_added, specs_of
from lockgate._seating.seats import Seats
from lockgate.discovery.choice import SAFE_MODE
from lockgate.errors import (
    LockgateError,
    PluginUnavailableError,
    ReloadRefusedError,
    UnknownPluginError,
)
from lockgate.installed._lease import Lease

if TYPE_CHECKING:
    from lockgate._specs.spec import HookSpec
    from lockgate.discovery import PluginState
    from lockgate.values import Data

__all__ = ["Refreshed", "Roster"]

_Seat: TypeAlias = "weakref.ref[SealedPlugin | InHostPlugin]"
_LOOKS = 3
"""How often what was collected meanwhile is looked for again."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What `Host.refresh` changed: names of plugins; `failed` with the reason."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reloaded: tuple[str, ...] = ()
    failed: Mapping[str, LockgateError] = field(
        default_factory=dict[str, LockgateError]
    )

    def to_dict(self) -> dict[str, Data]:
        """The changes as plain data."""
        added: list[Data] = [*self.added]
        removed: list[Data] = [*self.removed]
        reloaded: list[Data] = [*self.reloaded]
        return {
            "added": added,
            "removed": removed,
            "reloaded": reloaded,
            "failed": {name: error.to_dict() for name, error in self.failed.items()},
        }


class Roster:
    """The plugins of one host. Reading is thread-safe; changes take turns.

    `look` discovers anew, `told` hears of each change of a plugin's stage.
    """

    def __init__(
        self,
        states: Sequence[PluginState],
        seats: Seats,
        *,
        safe: bool,
        look: Callable[[], Sequence[PluginState]],
        told: Callable[[Lifecycle], None],
        lease: Lease,
    ) -> None:
        self._seats = seats
        self._safe = safe
        self._look = look
        self._told = told
        self._lease = lease
        self._leaving: list[tuple[_Seat, PluginState]] = []
        self._changing = threading.RLock()
        self.found: tuple[PluginState, ...] = ()
        self.states: Mapping[str, PluginState] = {}
        self.berths: dict[str, Berth] = {}
        self.journal = Journal()
        self._histories: dict[str, History] = {}
        self._meters: dict[str, Meter] = {}
        self._warned: set[str] = set()
        self._keep(self._held(states))
        self.dispatcher = Dispatcher(seats.config.hooks, seats.past)
        for name, state in sorted(self.states.items()):
            self._begin(name, state)
        self._arrange()

    def now(self, state: PluginState) -> PluginState:
        """What discovery found of a plugin, and what became of it since."""
        if not state.usable:
            return state
        berth = self.berths.get(state.name)
        if berth is None:
            return state.with_state("disabled", SAFE_MODE)
        admission = berth.seat.admission
        if admission is not None and not admission.state.usable:
            return admission.state
        reason = berth.seat.quarantine
        if not reason:
            return state
        hint = WAY_OUT.replace("NAME", state.name)
        return state.with_state("quarantined", reason, hint)

    def warn_of(self, spec: HookSpec) -> None:
        """Say once in the log which plugins answer a hook that is deprecated."""
        if spec.name in self._warned:
            return
        self._warned.add(spec.name)
        for plugin in self.dispatcher.implementers(spec.name):
            message = f"answers the hook {spec.name!r}, {spec.life.advice}"
            line = LogLine(plugin, spec.name, "warning", message)
            self._seats.observer.log(line)

    def lifecycles(self) -> tuple[Lifecycle, ...]:
        """The life of each plugin in this host, by name; removed ones too."""
        return tuple(one.now for _, one in sorted(self._histories.items()))

    def meter(self, plugin: str) -> Meter:
        """What is counted of a plugin, over all its versions in this host."""
        return self._meters.setdefault(plugin, Meter())

    def meters(self) -> dict[str, Meter]:
        """What is counted of each plugin that can be called, or could."""
        return dict(sorted(self._meters.items()))

    def release(self, plugin: str) -> None:
        """Take a plugin out of quarantine.

        Raises:
            UnknownPluginError: If it is not installed.
        """
        if plugin not in self.states:
            raise UnknownPluginError(plugin, known=self.states)
        berth = self.berths.get(plugin)
        if berth is not None:
            berth.seat.release()

    def close(self) -> None:
        """End every worker."""
        for berth in list(self.berths.values()):
            berth.close()
        self._lease.close()

    def _held(self, found: Sequence[PluginState]) -> Sequence[PluginState]:
        """What was found, or is there instead by now: kept from being collected."""
        for _ in range(_LOOKS):
            if self._hold(found):
                break
            found = self._look()  # what was found was collected meanwhile
        return found

    def _hold(self, found: Sequence[PluginState]) -> bool:
        """Hold what `found` and those in service import from; False if some is gone.

        A seat that was left may have calls under way yet, until it is no more.
        """
        self._leaving = [one for one in self._leaving if one[0]() is not None]
        states = [
            *found,
            *(berth.state for berth in self.berths.values()),
            *(state for _, state in self._leaving),
        ]
        folders = {folder for s in states for folder in (*s.path, *s.environment)}
        return self._lease.hold(folders)

    # -- change ------------------------------------------------------------------

    def reload(self, plugin: str) -> Lifecycle:
        """Change a plugin's worker for one of what is installed now.

        Raises:
            UnknownPluginError: If it is not installed.
            ReloadRefusedError: If that can't be; the one before stays in place.
        """
        with self._changing:
            found = self._held(self._look())
            state = _claims(found).get(plugin)
            if state is None:
                raise UnknownPluginError(plugin, known=_claims(found))
            if plugin in self.berths:
                self._renew(self.berths[plugin], state, prove=True)
            elif state.usable and not self._safe:
                self._begin(plugin, state)
            else:
                raise ReloadRefusedError(
                    plugin, reason=state.reason or SAFE_MODE, hint=state.hint
                )
            self._keep([*(s for s in self.found if s.name != plugin), state])
            self._arrange()
            self._hold(self.found)
            return self._histories[plugin].now

    def refresh(self) -> Refreshed:
        """Take in what was installed, removed and replaced since the last look."""
        with self._changing:
            found = self._held(self._look())
            claims = _claims(found)
            usable = {name for name, state in claims.items() if state.usable}
            removed = sorted(self.berths.keys() - usable)
            try:
                reloaded, failed = self._renewed(claims, removed)
                leaving = [self._remove(name, claims.get(name)) for name in removed]
                added = self._added(claims, failed)
                self._keep(found)
            finally:
                self._arrange()  # whoever is in service is asked by its own hooks
        while leaving:
            leaving.pop().leave()
        with self._changing:
            self._hold(self.found)
        return Refreshed(tuple(added), tuple(removed), tuple(reloaded), failed)

    def _renewed(
        self, claims: Mapping[str, PluginState], removed: Sequence[str]
    ) -> tuple[list[str], dict[str, LockgateError]]:
        """Renew who changed; who it is done for, and why it could not be for others."""
        reloaded: list[str] = []
        failed: dict[str, LockgateError] = {}
        for name, berth in sorted(self.berths.items()):
            state = claims.get(name)
            if name in removed or state is None:
                continue
            try:
                if _changed(berth, state):
                    self._renew(berth, state, prove=berth.seat.pid is not None)
                    reloaded.append(name)
            except LockgateError as error:
                failed[name] = error
        return reloaded, failed

    def _added(
        self, claims: Mapping[str, PluginState], failed: dict[str, LockgateError]
    ) -> list[str]:
        """Take in who is new; why somebody could not be goes to `failed`."""
        before = set(self.berths)
        for name, state in sorted(claims.items()):
            if name not in before:
                try:
                    self._begin(name, state)
                except LockgateError as error:
                    failed[name] = error
        return sorted(self.berths.keys() - before)

    def _renew(self, berth: Berth, state: PluginState, *, prove: bool) -> None:
        """Let what is installed now take the berth, once it has proven itself."""
        plugin, history = state.name, berth.history
        if isinstance(berth.seat, InHostPlugin):
            reason = "it runs in the host itself"
            raise ReloadRefusedError(
                plugin, reason=reason, hint="Start the program anew."
            )
        if not state.usable:
            raise ReloadRefusedError(plugin, reason=state.reason, hint=state.hint)
        # What happens on trial is nobody's business until it is over.
        trial = History(plugin, state.version, lambda _: None)
        seat, impls = self._seats.seat(state, trial, self.meter(plugin))
        try:
            if isinstance(seat, InHostPlugin):
                reason = "it asks to run in the host itself"
                raise ReloadRefusedError(plugin, reason=reason)
            if prove:
                seat.prove()
        except LockgateError as error:
            seat.close()
            history.reach(
                history.now.stage,
                f"{state.version} can't take over: {error.message}",
            )
            if isinstance(error, ReloadRefusedError):
                raise
            raise ReloadRefusedError(
                plugin, reason=str(error), hint=error.hint
            ) from error
        seat.enter_service(history)
        self._leaving.append((weakref.ref(berth.seat), berth.state))
        berth.take(state, seat, impls)

    def _begin(self, name: str, state: PluginState) -> None:
        """Write down how far a plugin comes; give it a berth if it can be called."""
        history = self._histories.get(name)
        if history is None:
            history = self._histories[name] = History(name, state.version, self._told)
        stages = stages_of(state)
        history.begin(stages)
        if not state.usable:
            return
        meter = self.meter(name)
        seat, impls = self._seats.seat(state, history, meter)
        if self._safe and not isinstance(seat, InHostPlugin):
            history.begin([("disabled", SAFE_MODE)])
            return
        if isinstance(seat, SealedPlugin):
            seat.look()
        word = self._seats.config.when_down.get(name)
        self.berths[name] = Berth(
            state, seat, impls, history, meter, self.journal, word
        )

    def _remove(self, name: str, state: PluginState | None) -> Berth:
        berth = self.berths.pop(name)
        self._leaving.append((weakref.ref(berth.seat), berth.state))
        if state is None:
            berth.history.reach("removed", "its distribution is gone")
        else:
            for stage, reason in stages_of(state)[-1:]:
                berth.history.reach(stage, reason)
        return berth

    def _keep(self, found: Sequence[PluginState]) -> None:
        self.found = tuple(sorted(found, key=lambda one: one.name))
        self.states = _claims(found)
        self._seats.added.update(hooks_added(found))

    def _arrange(self) -> None:
        """Put a dispatcher of the present berths in the place of the one before."""
        fresh = Dispatcher(
            self._seats.config.hooks,
            self._seats.past,
            specs_of(berth.state for berth in self.berths.values()),
        )
        for _, berth in sorted(self.berths.items()):
            fresh.add(berth, berth.impls)
        for name, word in self._seats.config.when_down.items():
            state = self.states.get(name)
            if word == "fail" and state is not None and _missed(state):
                manifest = state.manifest
                fresh.add(Vacancy(state), manifest.hooks if manifest else ())
        self.dispatcher = fresh

    def check_callable(self, plugin: str) -> Berth:
        """The berth of a plugin that the caller named.

        Raises:
            UnknownPluginError: If it is not installed.
            PluginUnavailableError: If it can't be called.
        """
        state = self.states.get(plugin)
        if state is None:
            raise UnknownPluginError(plugin, known=self.states)
        berth = self.berths.get(plugin)
        if berth is None:
            now = self.now(state)
            raise PluginUnavailableError(
                plugin, state=now.state, reason=now.reason, hint=now.hint
            )
        return berth


def _claims(found: Sequence[PluginState]) -> dict[str, PluginState]:
    """Several may claim one name (shadowed, duplicate): the usable one has it."""
    return {state.name: state for state in sorted(found, key=lambda one: one.usable)}


def _missed(state: PluginState) -> bool:
    """Whether it should be there, but can't be used: nobody switched it off."""
    return not state.usable and state.state != "disabled"


def _changed(berth: Berth, state: PluginState) -> bool:
    """Whether other files than those in service are installed now."""
    if state != berth.state:
        return True
    running = berth.seat.digest
    try:
        return bool(running) and running != state.digest
    except PluginUnavailableError:
        return True  # and the reload will say why it can't be

"""The workers of one sealed plugin, one after the other: started, replaced, buried.

A worker is replaced when it died, when its rights changed, or when it has used up half
of its CPU seconds (a limit of its life, not of a call). One that a wrapper has begun in
stays until the wrapper has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lockgate._call.blame import BEFORE_PLUGIN, Blame
from lockgate._call.call import Call
from lockgate._record.audit import AuditRecord, Observer
from lockgate._record.quarantine import WAY_OUT
from lockgate._sealed.running import Rights, Running, Target, start, why_active
from lockgate._start.supervision import Supervisor
from lockgate.errors import HostExhaustedError, PluginUnavailableError
from lockgate.grants import Identity, grant_command
from lockgate_sandbox import (
    HostDescriptorsError,
    LayerMissingError,
    ProtocolError,
    SandboxError,
    StartError,
    WorkerDiedError,
)

if TYPE_CHECKING:
    from lockgate._start.admission import Admission
    from lockgate_sandbox import Sandbox

__all__ = ["Succession"]

_FAULTS = (WorkerDiedError, ProtocolError, StartError)
"""Deaths that are the plugin's own doing, whatever it was asked."""
_MACHINE = BEFORE_PLUGIN - {"zygote"}
"""Stages of a start that fail for want of room: another plugin may have taken it.

A zygote may be the plugin's environment's, which has loaded what the plugin needs.
"""


class Succession:
    """Has a worker for each call.

    Not thread-safe, but for `running` and `close`: held under the plugin's lock.
    `rights` gives the plugin's rights as of now (None if they are unchanged
    since the stamp it is handed), `target` what its worker runs with them. No worker
    starts before the `admission` (None: there is nothing to check) has passed.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        rights: Callable[[object], Rights | None],
        target: Callable[[Rights], Target],
        sandbox: Callable[[], Sandbox],
        observer: Observer,
        supervisor: Supervisor,
        admission: Admission | None = None,
    ) -> None:
        self.identity = identity
        self._rights = rights
        self._target = target
        self._sandbox = sandbox
        self._observer = observer
        self.admission = admission
        self.supervisor = supervisor
        self.running: Running | None = None
        """The present worker, None while there is none."""
        self._retired: list[Running] = []
        self._known: Rights | None = None

    def ready(self, call: Call, blame: Blame) -> Running:
        """The running worker, replaced or started first where needed.

        Raises:
            LockgateError: If none can be had.
        """
        running = self.running
        if running is not None:
            fresh = self._rights(running.rights.stamp)
            changed = fresh is not None and fresh.plan != running.rights.plan
            if fresh is not None and not changed:
                running.rights = fresh
            if changed or running.worn or not running.worker.alive:
                self._retire(running)
                running = None
        return running or self.start(call, blame)

    def start(self, call: Call, blame: Blame, *, trial: bool = False) -> Running:
        """Start a worker; on trial also one of a plugin in quarantine.

        Raises:
            LockgateError: If it can't be.
        """
        plugin = self.identity.plugin
        reason = "" if trial else self.supervisor.look()
        if reason:
            raise PluginUnavailableError(
                plugin,
                state="quarantined",
                reason=reason,
                hint=WAY_OUT.replace("NAME", plugin),
            )
        if self.admission is not None:
            self.admission.check()
        time.sleep(min(self.supervisor.wait_seconds(), max(call.seconds_left(), 0)))
        rights = self._rights(None)
        if rights is None:  # pragma: no cover - None answers only a stamp
            raise PluginUnavailableError(plugin, state="closed")
        target = self._target(rights)
        self.audit("start", blame.hook, rights.plan.policy.describe())
        try:
            running = start(
                self.identity,
                rights,
                target,
                self._sandbox,
                self._observer,
                self._rights,
            )
        except HostDescriptorsError as error:
            message = f"the host can't start {plugin}: {error}"
            raise HostExhaustedError(message, hint=error.hint) from error
        except SandboxError as error:
            self.failed(None, error, blame)
            raise blame.of(error, seconds=call.seconds) from error
        except OSError as error:
            raise HostExhaustedError.of(error, f"start {plugin}") from error
        self.running = running
        self.supervisor.started(why_active(running))
        return running

    def failed(
        self, running: Running | None, error: SandboxError, blame: Blame
    ) -> None:
        """Count a death that was the plugin's fault; forget a dead worker."""
        if running is not None:
            if running.worker.alive:
                return
            if running is self.running:
                self.running = None
            stopped = running.stopped
            running.end()
            if stopped:  # whoever called it off: five of them are no crash loop
                self.supervisor.stopped("its worker was stopped with a call")
                return
        if isinstance(error, LayerMissingError) or not isinstance(error, _FAULTS):
            return
        if isinstance(error, StartError) and error.stage in _MACHINE:
            self.audit("start", blame.hook, str(error), allowed=False)
            return
        self.audit("crash", blame.hook, str(error), allowed=False)
        if self.supervisor.died(str(error)):
            why = self.supervisor.quarantine
            self.audit("quarantine", blame.hook, why, allowed=False)

    def let_go(self, running: Running) -> None:
        """A wrapper that has begun in a worker has ended."""
        running.held -= 1
        if running in self._retired and not running.held:
            self._retired.remove(running)
            running.end()

    def _retire(self, running: Running) -> None:
        """Let go of a worker: at once, or when its wrappers have ended."""
        self.running = None
        if running.held and running.worker.alive:
            self._retired.append(running)
        else:
            running.end()

    def granted(self, key: str, blame: Blame) -> bool:
        """Whether the plugin has a right now; what it lacks is audited once."""
        known = self._known
        fresh = self._rights(known.stamp if known is not None else None)
        if fresh is None and known is not None:
            return known.consent.has(key)
        self._known = fresh
        has = fresh is not None and fresh.consent.has(key)
        if not has:
            grant = grant_command(self.identity.plugin, key)
            detail = f"it may not wrap the hook; to allow it: {grant}"
            self.audit("refuse", blame.hook, detail, allowed=False)
        return has

    def close(self) -> None:
        """Kill every worker; from any thread, also in the middle of a call."""
        running, self.running = self.running, None
        retired, self._retired = self._retired, []
        for one in (running, *retired):
            if one is not None:
                one.end()

    def audit(
        self, action: str, hook: str, detail: str, *, allowed: bool = True
    ) -> None:
        """Write down what became of the plugin."""
        plugin, version = self.identity.plugin, self.identity.version
        record = AuditRecord(action, plugin, version, allowed, hook, detail=detail)
        self._observer.audit(record)

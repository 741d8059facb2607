"""When a plugin's worker may start again: backoff, a budget, then quarantine.

The first death costs nothing: the next call simply gets a fresh worker. Further
deaths in a row wait, and one too many within the window ends it: the plugin is
quarantined, and the others never notice. The quarantine outlives the host (see
`lockgate._record.quarantine`), until its owner clears it or other files take its place.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from lockgate._record.lifecycle import History, Stage, utc_now
from lockgate._record.meter import Meter
from lockgate._record.quarantine import Quarantine, QuarantineFolder
from lockgate.errors import PluginUnavailableError

__all__ = ["Budget", "Supervisor"]

DEATHS_MAXIMUM = 5
WINDOW_SECONDS = 60.0
BACKOFF_SECONDS = 0.05
BACKOFF_MAXIMUM_SECONDS = 2.0


class Budget:
    """The deaths of one plugin's workers. Not thread-safe: held under its lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: deque[float] = deque(maxlen=DEATHS_MAXIMUM)
        self._in_a_row = 0
        self.last = ""
        """What the last death was."""

    @property
    def spent(self) -> bool:
        """Whether there was one death too many in the window: stays true."""
        return len(self._deaths) == DEATHS_MAXIMUM

    @property
    def reason(self) -> str:
        """Why the plugin is quarantined, in a sentence."""
        return (
            f"quarantined: its worker died {DEATHS_MAXIMUM} times within "
            f"{WINDOW_SECONDS:g} seconds (last: {self.last})"
        )

    def died(self, what: str) -> None:
        """A worker died by its own fault."""
        self.last = what
        self._in_a_row += 1
        now = self._clock()
        while (
            self._deaths and not self.spent and now - self._deaths[0] > WINDOW_SECONDS
        ):
            self._deaths.popleft()
        if not self.spent:
            self._deaths.append(now)

    def answered(self) -> None:
        """A call went well."""
        self._in_a_row = 0

    def wait_seconds(self) -> float:
        """How long to wait before the next start."""
        if self._in_a_row < 2:
            return 0.0
        return min(
            BACKOFF_SECONDS * 2.0 ** (self._in_a_row - 2), BACKOFF_MAXIMUM_SECONDS
        )

    def forgive(self) -> None:
        """Forget every death: the owner released the plugin."""
        self._deaths.clear()
        self._in_a_row = 0


class Supervisor:
    """Watches over the workers of one version of a plugin.

    Not thread-safe: held under the plugin's lock, but for `quarantine`, which may
    be read from anywhere. `digest` computes what the record is tied to.
    """

    def __init__(
        self,
        plugin: str,
        version: str,
        *,
        digest: Callable[[], str],
        folder: QuarantineFolder,
        history: History,
        meter: Meter | None = None,
    ) -> None:
        self._meter = Meter() if meter is None else meter
        self._plugin = plugin
        self._version = version
        self._digest = digest
        self._folder = folder
        self._history = history
        self._budget = Budget()
        self._record: Quarantine | None = None
        self._kept = False

    @property
    def quarantine(self) -> str:
        """Why the plugin is quarantined, or the empty string."""
        record = self._record
        return record.reason if record is not None else ""

    def look(self) -> str:
        """Why it is quarantined as the folder says now, or the empty string.

        A record that is gone was cleared, perhaps from another terminal.
        """
        if self._record is not None:
            if self._kept and not self._folder.has(self._plugin):
                self.forgive("its quarantine was cleared")
            return self.quarantine
        record = self._folder.read(self._plugin)
        if record is not None and record.covers(self._version, self._digest):
            self._record, self._kept = record, True
            self._history.reach("quarantined", record.reason)
        return self.quarantine

    def enter_service(self, history: History) -> None:
        """The trial went well: take its last stage over, and clear a quarantine."""
        trial, self._history = self._history.now, history
        self.forgive(f"{self._version} takes over")
        why = trial.reason if trial.history else "a worker starts at its first call"
        stage: Stage = trial.stage if trial.history else "enabled"
        reason = f"{self._version} took over: {why}"
        history.reach(stage, reason, version=self._version)

    def wait_seconds(self) -> float:
        """How long to wait before the next start."""
        return self._budget.wait_seconds()

    def started(self, reason: str) -> None:
        """A worker runs; `reason` says what for, and which rights it lacks."""
        self._meter.starts += 1
        self._history.reach("active", reason, version=self._version)

    def waited(self, seconds: float) -> None:
        """A call had to wait for its turn."""
        self._meter.waited(seconds)

    def answered(self) -> None:
        """A call went well."""
        self._budget.answered()

    def stopped(self, why: str) -> None:
        """A worker was killed from here, which is nobody's fault."""
        if self._record is None:
            self._history.reach("enabled", why)

    def died(self, what: str) -> bool:
        """A worker died by its own fault; true if that was one too many."""
        self._budget.died(what)
        self._meter.deaths += 1
        if self._record is not None:
            return False
        if not self._budget.spent:
            self._history.reach("enabled", f"its worker died: {what}")
            return False
        reason = self._budget.reason
        try:
            digest = self._digest()
        except PluginUnavailableError:  # its files are gone: of this host only
            digest = ""
        record = Quarantine(self._plugin, self._version, digest, reason, utc_now())
        self._kept = self._folder.put(record)
        self._record = record
        self._history.reach("quarantined", reason)
        return True

    def forgive(self, reason: str) -> None:
        """Forget every death and the quarantine."""
        self._budget.forgive()
        if self._record is None and not self._folder.has(self._plugin):
            return
        self._folder.clear(self._plugin)
        self._record, self._kept = None, False
        self._history.reach("enabled", reason)

"""How far a plugin came, since when and why: values, and the record that makes them.

::

    discovered -> verified -> enabled -> active
                                 |  ^      |
                                 v  |      v
                              disabled  quarantined

A stage is how far the plugin came, its reason why it came no farther. Times are UTC.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.values import Data

__all__ = [
    "History",
    "Lifecycle",
    "Stage",
    "StageChange",
    "lifecycle_of",
    "stages_of",
    "utc_now",
    "utc_text",
]

Stage: TypeAlias = Literal[
    "discovered",
    "verified",
    "enabled",
    "active",
    "quarantined",
    "disabled",
    "removed",
]
"""
``discovered``   its distribution was found
``verified``     its manifest is sound (or it needs none)
``enabled``      it can be called; no worker runs
``active``       a worker runs
``quarantined``  its workers died too often
``disabled``     somebody switched it off
``removed``      it was there, and its distribution is gone
"""

HISTORY_LIMIT = 64
"""Changes of one plugin that are remembered."""


def utc_now() -> str:
    """This moment, ISO 8601, to the millisecond."""
    return utc_text(time.time())


def utc_text(seconds: float) -> str:
    """A moment in seconds since 1970 as text (without the cost of datetime)."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}+00:00"


@dataclass(frozen=True, slots=True)
class StageChange:
    """A stage that a plugin reached."""

    stage: Stage
    reason: str
    at: str

    def to_dict(self) -> dict[str, Data]:
        """The change as plain data."""
        return {"stage": self.stage, "reason": self.reason, "at": self.at}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One plugin's life in this host: its latest changes, the present one last."""

    plugin: str
    version: str
    history: tuple[StageChange, ...]

    @property
    def stage(self) -> Stage:
        """How far it came."""
        return self.history[-1].stage

    @property
    def reason(self) -> str:
        """Why it is there."""
        return self.history[-1].reason

    @property
    def at(self) -> str:
        """Since when, UTC."""
        return self.history[-1].at

    def to_dict(self) -> dict[str, Data]:
        """The life as plain data, as ``--json`` prints it."""
        history: list[Data] = [change.to_dict() for change in self.history]
        return {**self.history[-1].to_dict(), "history": history}


_NOT_ENABLED = frozenset(
    {
        "pinned",
        "shadowed",
        "duplicate",
        "incompatible",
        "conflict",
        "missing-requirement",
    }
)


def stages_of(state: PluginState) -> tuple[tuple[Stage, str], ...]:
    """How far what discovery found comes before it is ever called, with reasons."""
    if state.state == "broken":
        return (("discovered", state.reason),)
    first: tuple[Stage, str] = ("discovered", f"found at {state.location}")
    if state.state in _NOT_ENABLED:
        return (first, ("verified", state.reason))
    sound = "its manifest is sound" if state.manifest_text else "it has no manifest"
    second: tuple[Stage, str] = ("verified", sound)
    if state.state in ("disabled", "quarantined"):
        return (first, second, (state.state, state.reason))
    return (first, second, ("enabled", "a worker starts at its first call"))


def lifecycle_of(state: PluginState, since: str = "") -> Lifecycle:
    """The life of a plugin that no host runs, from its installation on.

    `since` is when it reached its present stage, if that was later.
    """
    try:
        at = utc_text(os.lstat(state.location).st_mtime)
    except OSError:
        at = utc_now()
    changes = [StageChange(stage, why, at) for stage, why in stages_of(state)]
    if since:
        changes[-1] = replace(changes[-1], at=since)
    return Lifecycle(state.name, state.version, tuple(changes))


class History:
    """One plugin's changes while a host is open. Thread-safe.

    `told` is called with the new `Lifecycle` after each change, on the thread that
    made it, with no lock held.
    """

    def __init__(
        self, plugin: str, version: str, told: Callable[[Lifecycle], None]
    ) -> None:
        self._plugin = plugin
        self._version = version
        self._told = told
        self._lock = threading.Lock()
        self._changes: deque[StageChange] = deque(maxlen=HISTORY_LIMIT)

    def reach(self, stage: Stage, reason: str, *, version: str = "") -> None:
        """The plugin reached a stage; the very same again is no change."""
        with self._lock:
            last = self._changes[-1] if self._changes else None
            version = version or self._version
            if last is not None and (stage, reason, version) == (
                last.stage,
                last.reason,
                self._version,
            ):
                return
            self._version = version
            self._changes.append(StageChange(stage, reason, utc_now()))
        self._told(self.now)

    def begin(self, stages: Iterable[tuple[Stage, str]]) -> None:
        """The stages that discovery found, at once; nobody is told."""
        at = utc_now()
        with self._lock:
            self._changes.extend(StageChange(stage, why, at) for stage, why in stages)

    @property
    def now(self) -> Lifecycle:
        """The life so far."""
        with self._lock:
            return Lifecycle(self._plugin, self._version, tuple(self._changes))

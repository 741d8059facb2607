"""What is counted of one plugin: plain numbers, exported by whoever asks.

A call only appends what there is to count to a queue; it is added up by whoever asks,
or when there is much of it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockgate._record.journal import Noted

if TYPE_CHECKING:
    from lockgate.values import Data

__all__ = ["BOUNDS_SECONDS", "FOLD_CALLS", "HookMeter", "Meter"]

BOUNDS_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds of the histograms' buckets; one more bucket takes the rest."""


FOLD_CALLS = 512
"""So many calls wait at most to be added up."""

WELL = frozenset({"answered", "none", "closed"})
"""The outcomes that are no failure."""


@dataclass(slots=True)
class HookMeter:
    """The calls of one hook: how many, how long, how many failed with which code."""

    calls: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    failures: dict[str, int] = field(default_factory=dict[str, int])

    def to_dict(self) -> dict[str, Data]:
        """The numbers as plain data."""
        buckets: list[Data] = [*self.buckets]
        failures: dict[str, Data] = {**self.failures}
        return {
            "calls": self.calls,
            "seconds": self.seconds,
            "buckets": buckets,
            "failures": failures,
        }


class Meter:
    """All that is counted of one plugin since the host was opened.

    `starts` and `deaths` are its workers'; `waits` and `wait_seconds` are about
    calls that found another one before them. A call that is over is appended to
    `new`; when there are `FOLD_CALLS` of them, `fold` adds them up.
    """

    __slots__ = (
        "_folding",
        "_hooks",
        "deaths",
        "new",
        "starts",
        "wait_seconds",
        "waits",
    )

    def __init__(self) -> None:
        self.starts = self.deaths = self.waits = 0
        self.wait_seconds = 0.0
        self._hooks: dict[str, HookMeter] = {}
        self.new: deque[Noted] = deque()
        self._folding = threading.Lock()

    def fold(self) -> None:
        """Add up what was noted."""
        with self._folding:
            new, hooks = self.new, self._hooks
            take = new.popleft
            for _ in range(len(new)):
                _, _, _, _, hook, seconds, outcome = take()
                meter = hooks.get(hook)
                if meter is None:
                    meter = hooks[hook] = HookMeter()
                meter.calls += 1
                meter.seconds += seconds
                meter.buckets[bisect_left(BOUNDS_SECONDS, seconds)] += 1
                if outcome not in WELL:
                    meter.failures[outcome] = meter.failures.get(outcome, 0) + 1

    @property
    def hooks(self) -> Mapping[str, HookMeter]:
        """What is counted of each hook, up to now."""
        self.fold()
        return self._hooks

    def waited(self, seconds: float) -> None:
        """One more call had to wait for its turn."""
        self.waits += 1
        self.wait_seconds += seconds

    @property
    def calls(self) -> int:
        """Calls of every hook."""
        return sum(meter.calls for meter in list(self.hooks.values()))

    @property
    def failed(self) -> int:
        """Calls that failed, of every hook."""
        meters = list(self.hooks.values())
        return sum(sum(meter.failures.values()) for meter in meters)

    def to_dict(self) -> dict[str, Data]:
        """The numbers as plain data."""
        return {
            "starts": self.starts,
            "deaths": self.deaths,
            "waits": self.waits,
            "wait-seconds": self.wait_seconds,
            "hooks": {hook: one.to_dict() for hook, one in list(self.hooks.items())},
        }

"""What all runs of one call share: the host, the files, progress, the budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lockgate.values import Tree
from lockgate_workflows.check import Checked
from lockgate_workflows.host import Host
from lockgate_workflows.records import StepError

__all__ = ["Budget", "Progress", "Shared", "Stop"]

STEP_RUN_LIMIT = 2_000
"""Steps that one call starts, all sub-runs counted."""


class Stop:
    """A flag that falls once; a run stops when its own or an outer one has fallen."""

    def __init__(self, outer: Stop | None = None) -> None:
        self._event = threading.Event()
        self._outer = outer

    def fall(self) -> None:
        """Stop what has not started yet."""
        self._event.set()

    @property
    def fallen(self) -> bool:
        """Whether this or an outer flag has fallen."""
        return self._event.is_set() or (self._outer is not None and self._outer.fallen)

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the flag falls."""
        end = time.monotonic() + seconds
        while not self.fallen and (left := end - time.monotonic()) > 0:
            self._event.wait(min(left, 0.05) if self._outer else left)


class Progress:
    """How much of the whole has ended, told one event at a time."""

    def __init__(self, tell: Callable[[str, float | None], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._done = 0.0

    def tell(self, message: str, share: float = 0.0) -> None:
        """Tell `message`, after `share` more of the whole (0 to 1) has ended."""
        with self._lock:
            self._done = min(1.0, self._done + share)
            self._tell(message, self._done)


class Budget:
    """A number of steps that may still start."""

    def __init__(self, steps: int = STEP_RUN_LIMIT) -> None:
        self._lock = threading.Lock()
        self._steps = self._left = steps

    def take(self) -> None:
        """Count one step.

        Raises:
            StepError: If the budget is spent.
        """
        with self._lock:
            self._left -= 1
            if self._left < 0:
                message = f"one run starts at most {self._steps} steps"
                raise StepError("step-limit", message, hint="split it into two runs")


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to every run and step below one call of the hook."""

    host: Host
    checked: Checked
    files: Tree
    progress: Progress
    budget: Budget = field(default_factory=Budget)
    began: float = field(default_factory=time.monotonic)

    def clock(self) -> float:
        """Seconds since the call began."""
        return round(time.monotonic() - self.began, 6)

"""When a plugin's worker may start again: backoff, a budget, then quarantine.

The first death costs nothing: the next call simply gets a fresh worker. Further
deaths in a row wait, and one too many within the window ends it: the plugin is
quarantined, and the others never notice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Budget"]

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

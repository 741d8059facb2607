"""Virtual time and the baton between scenario and firmware.

Two threads, of which exactly one runs at any moment: the scenario gives the
firmware time up to a horizon and waits; the firmware spends that time with its
calls into the virtual modules and hands the baton back when the horizon is
reached. Nothing reads the real clock, so a run is the same every time. What
ends a loop that makes no calls is CPU time, counted by the waiting scenario.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Core", "CpuBudget", "PowerOff"]

_FOREVER = 1 << 62
_POLL_SECONDS = 0.1
_PENDING_LIMIT = 8
"""Depth of MicroPython's queue of scheduled callbacks (MICROPY_SCHEDULER_DEPTH)."""


class PowerOff(BaseException):
    """Raised in the firmware's thread when the run is over."""


@dataclass(frozen=True, slots=True)
class CpuBudget:
    """CPU seconds of this process: in all, and without a call into a module."""

    total: float = 8.0
    silent: float = 1.5


class Core:
    """The clock, the queue of things due, and the hand-over."""

    def __init__(self, budget: CpuBudget) -> None:
        self.now_us = 0
        self.calls = 0
        self._masked = 0
        self.finished = False
        self.stopped = ("", "")
        self._budget = budget
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._horizon = 0
        self._next = 0
        self._pending: deque[Callable[[], None]] = deque()
        self._handling = False
        self._powered = True
        self._firmware_may = threading.Semaphore(0)
        self._scenario_may = threading.Semaphore(0)

    # -- asked by the firmware's thread ------------------------------------

    def tick(self, cost_us: int) -> None:
        """Spend `cost_us`; the fast path of every call into a module."""
        self.calls += 1
        now = self.now_us + cost_us
        if now < self._next:
            self.now_us = now
            return
        self._advance(now)

    def at(self, when_us: int, action: Callable[[], None]) -> None:
        """Do `action` when the clock reaches `when_us` (in the firmware's thread)."""
        self._order += 1
        heapq.heappush(self._due, (when_us, self._order, action))
        self._next = 0

    def interrupt(self, action: Callable[[], None]) -> bool:
        """Queue a soft interrupt; False if MicroPython's queue would be full."""
        if len(self._pending) >= _PENDING_LIMIT:
            return False
        self._pending.append(action)
        self._next = 0
        return True

    def mask(self, state: int) -> int:
        """Hold soft interrupts back (1) or let them come (0); the state before."""
        before, self._masked = self._masked, state
        self._next = 0
        return before

    def halt(self) -> None:
        """Give the baton back at this very moment of virtual time."""
        self._horizon = self.now_us
        self._next = 0

    def stop(self, code: str, message: str) -> None:
        """End the run from the firmware's side (a reset, a watchdog).

        Raises:
            PowerOff: Always, and again at every later call, so that firmware
                that catches everything cannot go on.
        """
        self.stopped = (code, message)
        self._powered = False
        self._next = 0
        raise PowerOff

    def begin(self) -> None:
        """Wait for the first time slice; called once, by the firmware's thread."""
        self._firmware_may.acquire()
        self._check_power()

    def end(self) -> None:
        """The firmware's thread does not run on."""
        self.finished = True
        self._scenario_may.release()

    def _advance(self, target_us: int) -> None:
        while True:
            self._check_power()
            due = self._due[0][0] if self._due else _FOREVER
            if due <= target_us and due <= self._horizon:
                self.now_us = max(self.now_us, due)
                heapq.heappop(self._due)[2]()
            elif self._horizon <= target_us:
                self.now_us = max(self.now_us, self._horizon)
                self._hand_over()
            else:
                self.now_us = max(self.now_us, target_us)
                self._deliver()
                due = self._due[0][0] if self._due else _FOREVER
                waiting = self._pending and not self._handling and not self._masked
                self._next = 0 if waiting else min(due, self._horizon)
                return
            self._deliver()

    def _deliver(self) -> None:
        if self._handling or self._masked:
            return
        self._handling = True
        try:
            while self._pending:
                self._pending.popleft()()
        finally:
            self._handling = False

    def _hand_over(self) -> None:
        self._scenario_may.release()
        self._firmware_may.acquire()

    def _check_power(self) -> None:
        if not self._powered:
            raise PowerOff

    # -- asked by the scenario's thread ------------------------------------

    def run(self, until_us: int) -> bool:
        """Let the firmware run to `until_us`, or to `halt`.

        Returns:
            False if it used up its CPU time without getting there.
        """
        if until_us <= self.now_us or self.finished:
            return True
        self._horizon = until_us
        self._next = 0
        self._firmware_may.release()
        calls, since = -1, time.process_time()
        while not self._scenario_may.acquire(timeout=_POLL_SECONDS):
            spent = time.process_time()
            if self.calls != calls:
                calls, since = self.calls, spent
            if spent > self._budget.total or spent - since > self._budget.silent:
                return False
        return True

    def power_off(self) -> None:
        """End the firmware's thread at its next call into a module."""
        self._powered = False
        self._next = 0
        self._firmware_may.release()

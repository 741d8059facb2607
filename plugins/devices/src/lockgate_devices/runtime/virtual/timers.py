"""`machine.Timer` and `machine.WDT`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate_devices.runtime.virtual.rig import Costs, RigObject

__all__ = ["TimerObject", "WdtObject"]


class TimerObject(RigObject):
    """Calls back after, or every, so many milliseconds."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id: int = -1, **options: Any) -> None:  # noqa: A002
        self.rig.core.tick(Costs.CALL)
        self._id = id
        self._round = 0
        self._call: Callable[[], None] = lambda: None
        self._period_us = 0
        self._next_us = 0
        if options:
            self.init(**options)

    def init(
        self,
        *,
        mode: int = PERIODIC,
        freq: float = -1,
        period: int = -1,
        callback: Callable[[TimerObject], object] | None = None,
        tick_hz: int = 1_000,
        hard: bool = False,
    ) -> None:
        """Start; `period` counts in ticks of ``1 / tick_hz``."""
        del hard
        self.rig.core.tick(Costs.CALL)
        if mode not in (0, 1):
            msg = "invalid mode"
            raise ValueError(msg)
        if freq > 0:
            self._period_us = int(1_000_000 / freq)
        else:
            self._period_us = period * 1_000_000 // tick_hz
        if self._period_us < 1:
            msg = "period too small"
            raise ValueError(msg)
        self.deinit()
        if callback is not None:
            where = f"the callback of timer {self._id}"
            self._call = self.rig.guarded(where, lambda: callback(self))
        self.rig.live.add(self)
        self._next_us = self.rig.core.now_us
        self._plan(self._round, mode)

    def _plan(self, number: int, mode: int) -> None:
        self._next_us += self._period_us

        def expire() -> None:
            if number != self._round:
                return
            self.rig.core.interrupt(self._call)
            if mode == self.PERIODIC:
                self._plan(number, mode)
            else:
                self.rig.live.discard(self)

        self.rig.core.at(self._next_us, expire)

    def deinit(self) -> None:
        """Stop."""
        self._round += 1
        self._call = lambda: None
        self.rig.live.discard(self)


class WdtObject(RigObject):
    """Resets the board unless it is fed in time; cannot be stopped."""

    def __init__(self, id: int = 0, timeout: int = 5_000) -> None:  # noqa: A002
        self.rig.core.tick(Costs.CALL)
        if id != 0 or timeout < 1:
            msg = "invalid watchdog or timeout"
            raise ValueError(msg)
        self._timeout_us = timeout * 1_000
        self._deadline_us = self.rig.core.now_us + self._timeout_us
        self.rig.core.at(self._deadline_us, self._expire)

    def _expire(self) -> None:
        if self.rig.core.now_us < self._deadline_us:
            self.rig.core.at(self._deadline_us, self._expire)
            return
        self.rig.core.stop(
            "watchdog-reset", f"not fed for {self._timeout_us // 1_000} ms"
        )

    def feed(self) -> None:
        """Start the time anew."""
        self.rig.core.tick(Costs.CALL)
        self._deadline_us = self.rig.core.now_us + self._timeout_us

"""The module `time` of MicroPython, over virtual time.

The ticks counters start shortly before they wrap (`TICKS_PERIOD` is 2**30, as on
the 32-bit boards), so that firmware that subtracts ticks without `ticks_diff`
is found out within half a second and not after 12 days.
"""

from __future__ import annotations

import calendar
import time as real
from types import ModuleType
from typing import Any

from lockgate_devices.runtime.virtual.rig import Costs, Rig

__all__ = ["TICKS_PERIOD", "make_time"]

TICKS_PERIOD = 1 << 30
_START_MS = TICKS_PERIOD - 500
_START_US = TICKS_PERIOD - 300_000
_EPOCH_2000 = 946_684_800
"""Seconds between 1970 and 2000, where the embedded boards' time begins."""


def ticks_add(ticks: int, delta: int) -> int:
    """`ticks` moved by `delta`, within the period."""
    if not -TICKS_PERIOD // 2 <= delta < TICKS_PERIOD // 2:
        msg = "ticks interval overflow"
        raise OverflowError(msg)
    return (ticks + delta) & (TICKS_PERIOD - 1)


def ticks_diff(ticks1: int, ticks2: int) -> int:
    """`ticks1` - `ticks2`, across the wrap."""
    half = TICKS_PERIOD // 2
    return ((ticks1 - ticks2 + half) & (TICKS_PERIOD - 1)) - half


def _broken_down(seconds: int) -> tuple[int, ...]:
    parts = real.gmtime(seconds + _EPOCH_2000)
    return (*parts[:6], parts.tm_wday, parts.tm_yday)


def _mktime(parts: tuple[int, ...]) -> int:
    return calendar.timegm((*parts[:6], 0, 0, 0)) - _EPOCH_2000


def make_time(rig: Rig) -> ModuleType:
    """A `time` module whose clock is the board's."""
    core = rig.core

    def sleep_us(us: int) -> None:
        core.tick(max(int(us), 0) or Costs.CALL)

    def sleep_ms(ms: int) -> None:
        core.tick(max(int(ms), 0) * 1_000 or Costs.CALL)

    def sleep(seconds: float) -> None:
        core.tick(max(int(seconds * 1_000_000), 0) or Costs.CALL)

    def ticks_ms() -> int:
        core.tick(Costs.CALL)
        return (core.now_us // 1_000 + _START_MS) & (TICKS_PERIOD - 1)

    def ticks_us() -> int:
        core.tick(Costs.CALL)
        return (core.now_us + _START_US) & (TICKS_PERIOD - 1)

    def now() -> int:
        core.tick(Costs.CALL)
        return core.now_us // 1_000_000

    def time_ns() -> int:
        core.tick(Costs.CALL)
        return core.now_us * 1_000

    def localtime(seconds: int | None = None) -> tuple[int, ...]:
        return _broken_down(now() if seconds is None else int(seconds))

    module: Any = ModuleType("time")
    module.sleep, module.sleep_ms, module.sleep_us = sleep, sleep_ms, sleep_us
    module.ticks_ms, module.ticks_us, module.ticks_cpu = ticks_ms, ticks_us, ticks_us
    module.ticks_add, module.ticks_diff = ticks_add, ticks_diff
    module.time, module.time_ns = now, time_ns
    module.localtime = module.gmtime = localtime
    module.mktime = _mktime
    return module  # type: ignore[no-any-return]

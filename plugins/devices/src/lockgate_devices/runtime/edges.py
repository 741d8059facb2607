"""Judges edges in a window, and square waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lockgate_devices.runtime.board import Board

__all__ = ["Expectation", "judge_edges", "judge_wave"]

_FREQ_TOLERANCE = 0.02
_DUTY_TOLERANCE_POINTS = 2.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an ``edges`` step expects; None where it says nothing."""

    within_ms: float
    period_ms: float | None
    count_min: int | None
    count_max: int | None
    tolerance_ms: float

    def words(self) -> str:
        """The expectation for a reader."""
        low = 0 if self.count_min is None else self.count_min
        high = "∞" if self.count_max is None else self.count_max
        text = f"{low} to {high} edges in {self.within_ms:g} ms"
        if self.period_ms is not None:
            text += f", {self.period_ms:g} ± {self.tolerance_ms:g} ms apart"
        return text


def judge_edges(
    expectation: Expectation, times_us: Sequence[int]
) -> tuple[bool, str, str]:
    """Hold the edges of one window to `expectation`: passed, expected, seen."""
    count = len(times_us)
    passed = count >= (expectation.count_min or 0)
    if expectation.count_max is not None and count > expectation.count_max:
        passed = False
    gaps = [(after - before) / 1_000 for before, after in pairwise(times_us)]
    if expectation.period_ms is not None:
        tolerance = expectation.tolerance_ms
        passed = passed and all(
            abs(gap - expectation.period_ms) <= tolerance for gap in gaps
        )
    seen = f"{count} edges"
    if gaps:
        seen += f", {min(gaps):.1f} to {max(gaps):.1f} ms apart"
    return passed, expectation.words(), seen


def judge_wave(board: Board, step: Any) -> tuple[bool, str, str] | None:
    """Hold the wave on a pin to a ``pwm`` step: passed, expected, seen.

    None if the board cannot see it.
    """
    wanted_hz, wanted_duty = step["freq_hz"], step["duty_percent"]
    wave = board.wave(step["pin"], wanted_hz)
    if wave is None:
        return None
    hertz, duty = wave
    seen = f"{hertz:.0f} Hz, {duty:.1f} % high" if hertz else f"steady, {duty:.0f} %"
    if wanted_duty == 0:
        return duty == 0, "a steady low", seen
    near = abs(duty - wanted_duty) <= _DUTY_TOLERANCE_POINTS
    if wanted_duty < 100:
        near = near and abs(hertz - wanted_hz) <= wanted_hz * _FREQ_TOLERANCE
    return near, f"{wanted_hz:g} Hz, {wanted_duty:g} % high", seen

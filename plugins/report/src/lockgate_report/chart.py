"""Where the time of the clock went: a bar per step, on one axis for all runs."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate_report.model import Bar, Chart, Section, Step
from lockgate_report.units import seconds

__all__ = ["chart"]

ROW_LIMIT = 160
_ROW = 22
_GROUP_ROW = 26
_AXIS = 24


def chart(
    sections: Sequence[Section], own: Sequence[Step], began: float
) -> Chart | None:
    """The chart, or None if there is nothing to show in it."""
    groups: list[tuple[str, Sequence[Step]]] = [
        (section.title, section.steps) for section in sections
    ]
    if own:
        groups.append(("the whole", own))
    end = max(
        (s.started + s.seconds for _, steps in groups for s in steps), default=0.0
    )
    whole = end - began
    if whole <= 0:
        return None
    bars: list[Bar] = []
    top = 0
    for title, steps in groups:
        shown = [step for step in steps if step.seconds > 0 and step.state != "skipped"]
        if not shown or len(bars) + len(shown) >= ROW_LIMIT:
            continue
        bars.append(Bar(title, 0, 0, top, "", "", False, group=True))
        top += _GROUP_ROW
        for step in shown:
            start = 100 * max(0.0, step.started - began) / whole
            width = min(100 - start, 100 * step.seconds / whole)
            state, took = step.state, step.took
            bars.append(Bar(step.id, start, width, top, state, took, start > 55))
            top += _ROW
    if not bars:
        return None
    ticks = tuple((25.0 * n, seconds(whole * n / 4) if n else "0") for n in range(5))
    slowest = max((step for _, steps in groups[: len(sections)] for step in steps),
                  key=lambda step: step.seconds, default=None)  # fmt: skip
    told = f"All steps over {seconds(whole)}."
    if slowest:
        told += f" The slowest is {slowest.id} with {slowest.took}."
    return Chart(tuple(bars), top + _AXIS, top + 4, ticks, told)

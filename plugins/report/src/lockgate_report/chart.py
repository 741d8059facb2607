"""Where the time of the clock went: a bar per step, on one axis for all runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lockgate_report.model import Bar, Chart, Section, Step
from lockgate_report.units import round_places, seconds

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
        bars.append(Bar(title, 0, 0, top, "", "", 0, group=True))
        top += _GROUP_ROW
        for step in shown:
            start = 100 * max(0.0, step.started - began) / whole
            width = min(100 - start, 100 * step.seconds / whole)
            at, side = _label(start, width)
            bars.append(
                Bar(step.id, start, width, top, step.state, step.took, at, side)
            )
            top += _ROW
    if not bars:
        return None
    ticks = _ticks(whole)
    slowest = max((step for _, steps in groups[: len(sections)] for step in steps),
                  key=lambda step: step.seconds, default=None)  # fmt: skip
    told = f"All steps over {seconds(whole)}."
    if slowest:
        told += f" The slowest is {slowest.id} with {slowest.took}."
    return Chart(tuple(bars), top + _AXIS, top + 4, ticks, told)


def _label(
    start: float, width: float
) -> tuple[float, Literal["after", "before", "within"]]:
    """Where the label of a bar has room: about 40 percent of a phone's width."""
    if start + width <= 60:
        return start + width, "after"
    return (start, "before") if start >= 40 else (start, "within")


def _ticks(whole: float) -> tuple[tuple[float, str], ...]:
    """Round places on the axis, three to six of them, and its end."""
    places = round_places(whole)
    found = [(100 * at / whole, seconds(at) if at else "0") for at in places]
    return (*found, (100.0, seconds(whole)))

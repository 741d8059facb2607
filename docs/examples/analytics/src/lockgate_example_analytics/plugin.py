"""A sink in the worker's memory: it also counts what is announced in the host."""

from __future__ import annotations

from lockgate.plugin import Reason, RefusedError, hookimpl
from lockgate_example_analytics.specs import Total

NAMES_LIMIT = 10_000
"""Most names: whoever makes one for each user fills no memory."""

_totals: dict[str, Total] = {}


def _count(event: str, amount: float) -> Total:
    before = _totals.get(event)
    if before is None:
        if len(_totals) >= NAMES_LIMIT:
            message = f"more than {NAMES_LIMIT} names of events"
            raise RefusedError([Reason("too-many", "event", message, "Use fewer.")])
        before = Total(event, 0, 0.0)
    _totals[event] = made = Total(event, before.count + 1, before.amount + amount)
    return made


@hookimpl
def count_event(event: str, amount: float) -> Total:
    """Count an event."""
    return _count(event, amount)


@hookimpl
def announce(topic: str) -> bool:
    """Count what happens in the host, also what happened before this worker began."""
    _count(f"announced.{topic}", 1.0)
    return True


@hookimpl
def totals(prefix: str) -> tuple[Total, ...]:
    """What this worker counted, by name."""
    names = sorted(name for name in _totals if name.startswith(prefix))
    return tuple(_totals[name] for name in names)

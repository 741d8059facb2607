"""The kind `analytics`: what its hooks are asked and answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lockgate.plugin import hookspec


@dataclass(frozen=True)
class Total:
    """What was counted under one name."""

    event: str
    count: int
    amount: float


class Analytics(Protocol):
    """Events in, numbers out."""

    @hookspec("analytics", timeout_seconds=5, failure="skip")
    def count_event(self, event: str, amount: float = 1.0) -> Total | None:
        """Count an event. A sink that fails is left out: counting stops nobody."""
        ...

    @hookspec("analytics", firstresult=True)
    def totals(self, prefix: str = "") -> tuple[Total, ...] | None:
        """What was counted so far, by name."""
        ...

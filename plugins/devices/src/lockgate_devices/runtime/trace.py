"""The record of what a board did: events in order of time, within a bound."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["EVENT_LIMIT", "Event", "Trace"]

Event: TypeAlias = "dict[str, Any]"

EVENT_LIMIT = 20_000
"""Most events of one run: about 2 MB on the wire, far below its cap."""


class Trace:
    """Events and faults of one run.

    A fault is something that a real board would not forgive (a bad pin, an
    overrun); each becomes a failed verdict, and equal ones are kept once.
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self.events: list[Event] = []
        self.faults: list[tuple[str, str, int]] = []
        self.dropped = 0
        self._edges: dict[str, list[int]] = {}
        self._limit = limit
        self._seen: set[tuple[str, str]] = set()

    def add(self, at_us: int, kind: str, **fields: Any) -> None:
        """Record one event; over the limit it is counted only."""
        if len(self.events) >= self._limit:
            self.dropped += 1
            return
        self.events.append({"at_us": at_us, "kind": kind, **fields})

    def edge(self, at_us: int, pin: str, level: int, by: str) -> None:
        """Record that the level of a pin's wire changed."""
        self.add(at_us, "pin", pin=pin, level=level, by=by)
        times = self._edges.setdefault(pin, [])
        if len(times) < self._limit:
            times.append(at_us)

    def edge_times(self, pin: str, start_us: int, end_us: int) -> list[int]:
        """When the pin's level changed, after `start_us` and up to `end_us`."""
        return [at for at in self._edges.get(pin, ()) if start_us < at <= end_us]

    def line(self, at_us: int, kind: str, data: bytes) -> None:
        """Record bytes on the wire (``rx`` or ``tx``) as a line of text."""
        text = data.decode("utf-8", "backslashreplace").rstrip("\n")
        self.add(at_us, kind, line=text)

    def fault(self, name: str, message: str, at_us: int) -> None:
        """Record a fault; a repeated one and those after the first 100 are not."""
        key = (name, message)
        if key in self._seen or len(self.faults) >= 100:
            return
        self._seen.add(key)
        self.faults.append((name, message, at_us))

"""Compares what two boards did with the same scenario: edges, levels, answers.

Two boards do not agree to the microsecond: a reply that comes a millisecond
later shifts all that follows. What must agree is every line on the wire, every
verdict, each edge of the time before the first line (within a tolerance), and
the order of levels of every pin that changes on command only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from lockgate.values import Simulation

__all__ = ["differences"]


def differences(
    one: Simulation, other: Simulation, *, tolerance_ms: float = 10.0
) -> tuple[str, ...]:
    """List in words where two simulations of one contract disagree."""
    names = (one.board, other.board)
    return (
        *_unequal("line on the wire", names, _wire(one), _wire(other)),
        *_verdicts(one, other),
        *_edges(one, other, tolerance_ms * 1_000),
    )


def _wire(simulation: Simulation) -> list[str]:
    return [
        f"{event['kind']} {event.get('line')}"
        for event in simulation.events
        if event["kind"] in ("rx", "tx")
    ]


def _unequal(
    what: str, names: tuple[str, str], first: list[str], second: list[str]
) -> Iterator[str]:
    """The first difference between two lists of texts."""
    for index in range(max(len(first), len(second))):
        left = first[index] if index < len(first) else "nothing"
        right = second[index] if index < len(second) else "nothing"
        if left != right:
            yield f"{what} {index + 1}: {names[0]} {left!r}, {names[1]} {right!r}"
            return


def _verdicts(one: Simulation, other: Simulation) -> Iterator[str]:
    sides: list[dict[tuple[str, int], bool]] = []
    for simulation in (one, other):
        count: dict[str, int] = defaultdict(int)
        side: dict[tuple[str, int], bool] = {}
        for verdict in simulation.verdicts:
            count[verdict.name] += 1
            side[verdict.name, count[verdict.name]] = verdict.passed
        sides.append(side)
    left, right = sides
    # A board has verdicts of its own too: that the sketch builds, and fits.
    for key in left.keys() & right.keys():
        if left[key] != right[key]:
            passed = one.board if left[key] else other.board
            yield f"{key[0]!r} (number {key[1]}) passes on {passed} only"


def _edges(one: Simulation, other: Simulation, tolerance_us: float) -> Iterator[str]:
    left, right = _Pins(one), _Pins(other)
    for pin in sorted(left.edges.keys() | right.edges.keys()):
        if pin in left.waves | right.waves:
            continue
        early = left.early(pin), right.early(pin)
        levels = [[level for _, level in edges] for edges in early]
        if levels[0] != levels[1]:
            yield f"pin {pin} before the first line: {levels[0]}, {levels[1]}"
            continue
        for (a, level), (b, _) in zip(*early, strict=True):
            if abs(a - b) > tolerance_us:
                yield f"pin {pin} goes to {level} at {a} µs, {b} µs"
        if not early[0]:
            late = left.levels(pin), right.levels(pin)
            if late[0] != late[1]:
                yield f"pin {pin} on command: {late[0]}, {late[1]}"


class _Pins:
    """The edges that the device made, by pin."""

    def __init__(self, simulation: Simulation) -> None:
        self.edges: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.waves: set[str] = set()
        lines: list[Any] = [e["at_us"] for e in simulation.events if e["kind"] == "rx"]
        self._first_line = int(lines[0]) if lines else simulation.duration_us
        for event in simulation.events:
            if event["kind"] == "pin":
                self._add(event)

    def _add(self, event: Mapping[str, Any]) -> None:
        if "freq_hz" in event or event.get("mode") == "pwm":
            self.waves.add(event["pin"])
        elif "level" in event and event.get("by") == "device":
            self.edges[event["pin"]].append((event["at_us"], event["level"]))

    def early(self, pin: str) -> list[tuple[int, int]]:
        """Time and level of the edges before the first line was sent."""
        return [edge for edge in self.edges[pin] if edge[0] < self._first_line]

    def levels(self, pin: str) -> list[int]:
        """The levels in order."""
        return [level for _, level in self.edges[pin]]

"""The simulated time of a board as geometry: what a picture of it is drawn from.

Horizontal places are percent of the width and vertical ones pixels, so that the
picture fits a phone and a desktop while its text keeps its size. A track is one
pin, one direction of the serial line, or the checks.

Whatever the number of events, a track has at most about `waves.COLUMNS` shapes: what
is too narrow to be told apart is drawn as one busy block and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lockgate_report.reading import Fields, number, objects, text
from lockgate_report.units import count, duration, round_places
from lockgate_report.waves import Pin, Segment, moment, read_pins, thinned

__all__ = ["Mark", "Segment", "Tick", "Timeline", "Track", "timeline"]

EVENT_LIMIT = 200_000
TRACK_LIMIT = 24
_LINE_COLUMNS = 72
_TRACK_HEIGHT = 40
_LABEL_HEIGHT = 16
_WAVE_HEIGHT = 18
_AXIS_HEIGHT = 24


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at one moment; `count` events that are too near to tell apart."""

    at: float
    kind: Literal["rx", "tx", "pass", "fail", "mark"]
    title: str
    label: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Track:
    """One row of the picture, from `top` pixels down."""

    name: str
    detail: str
    top: int
    segments: tuple[Segment, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the time axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole picture; `events` were seen, `thinned` of them merged or left out."""

    tracks: tuple[Track, ...]
    ticks: tuple[Tick, ...]
    height: int
    axis: int
    description: str
    events: int
    notes: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()

    wave_top = _LABEL_HEIGHT + 2
    wave_height = _WAVE_HEIGHT


def timeline(
    simulation: Fields, contract: Fields, axis_us: float = 0.0
) -> Timeline | None:
    """The picture of a simulation, or None if it shows no time at all.

    Its axis is at least `axis_us` long, so that two pictures can be compared.
    """
    every = objects(simulation, "events")
    events = every[:EVENT_LIMIT]
    own = max(
        number(simulation, "duration_us") or 0.0,
        max((moment(event) for event in events), default=0.0),
    )
    if own <= 0:
        return None
    end = max(own, axis_us)
    pins = _ordered(read_pins(events), _names(contract))
    tracks: list[Track] = []
    merged = 0
    for pin, detail in pins[:TRACK_LIMIT]:
        segments, lost = thinned(pin.finish(own), end)
        merged += lost
        tracks.append(Track(pin.name, detail, 0, tuple(segments)))
    for kind, name in (("rx", "to device"), ("tx", "from device")):
        marks, lost = _lines(events, kind, end)
        merged += lost
        tracks.append(Track(f"serial {name}", kind, 0, (), marks))
    verdicts = objects(simulation, "verdicts")[:EVENT_LIMIT]
    tracks.append(Track("checks", "", 0, (), _checks(verdicts, end)))
    left_out = (len(every) - EVENT_LIMIT, len(pins) - TRACK_LIMIT)
    return _laid_out(
        [track for track in tracks if track.segments or track.marks],
        [pin for pin, _ in pins],
        end,
        len(every),
        _notes(merged, len(every), *left_out),
    )


def _notes(merged: int, events: int, late: int, pins: int) -> list[str]:
    notes: list[str] = []
    if late > 0:
        notes.append(f"{late} later events are left out.")
    if pins > 0:
        notes.append(f"{pins} more pins are left out.")
    if merged:
        notes.append(
            f"{merged} of {events} events lie too close to be drawn one by one: "
            "they share marks and blocks."
        )
    return notes


def _ordered(pins: dict[str, Pin], names: dict[str, str]) -> list[tuple[Pin, str]]:
    """The pins as the contract lists them, each with what is known of it."""
    known = [pins[name] for name in names if name in pins]
    rest = [pin for name, pin in pins.items() if name not in names]
    return [
        (pin, " · ".join(part for part in (names.get(pin.name), pin.mode) if part))
        for pin in [*known, *rest]
    ]


def _names(contract: Fields) -> dict[str, str]:
    """Each pin of the contract's peripherals with the peripheral's own name."""
    found: dict[str, str] = {}
    for peripheral in objects(contract, "peripherals"):
        name = text(peripheral, "id", 40)
        for key in ("pin", "pin_b", "direction_pin"):
            pin = text(peripheral, key, 40)
            if pin:
                found.setdefault(pin, name if key == "pin" else f"{name} {key}")
    return found


def _place(at: float, end: float) -> float:
    """Where a mark stands; at the very ends it would be cut in half."""
    return min(98.6, max(1.4, 100 * at / end))


def _lines(
    events: Sequence[Fields], kind: str, end: float
) -> tuple[tuple[Mark, ...], int]:
    """The lines of one direction; those in one column share a mark."""
    columns: dict[int, list[Fields]] = {}
    for event in events:
        if event.get("kind") == kind:
            column = min(_LINE_COLUMNS - 1, int(moment(event) / end * _LINE_COLUMNS))
            columns.setdefault(column, []).append(event)
    places = sorted(columns)
    marks: list[Mark] = []
    for index, column in enumerate(places):
        group = columns[column]
        following = places[index + 1] if index + 1 < len(places) else _LINE_COLUMNS
        room = 100 * (following - column) / _LINE_COLUMNS
        first = text(group[0], "line", 60)
        shown = [f"{duration(moment(e))} {text(e, 'line', 60)}" for e in group[:6]]
        more = f" … {len(group) - 6} more" if len(group) > 6 else ""
        # 10 pixel letters: room for 8 of them is 18 percent of a phone's width.
        fits = 26 if room >= 52 else 8 if room >= 18 else 0
        label = (
            (first if len(first) <= fits else f"{first[: fits - 1]}…") if fits else ""
        )
        marks.append(
            Mark(
                _place(moment(group[0]), end),
                "rx" if kind == "rx" else "tx",
                f"{'; '.join(shown)}{more}",
                label if len(group) == 1 else f"{len(group)}×" if room >= 10 else "",
                len(group),
            )
        )
    return tuple(marks), sum(len(g) for g in columns.values() if len(g) > 1)


def _checks(verdicts: Sequence[Fields], end: float) -> tuple[Mark, ...]:
    """The checks; those in one column share a mark, which fails if one does."""
    columns: dict[int, list[Fields]] = {}
    for verdict in verdicts:
        column = min(_LINE_COLUMNS - 1, int(moment(verdict) / end * _LINE_COLUMNS))
        columns.setdefault(column, []).append(verdict)
    marks: list[Mark] = []
    for _, group in sorted(columns.items()):
        failed = [v for v in group if v.get("passed") is not True]
        named = ", ".join(text(v, "name", 60) for v in (failed or group)[:4])
        word = (
            f"{len(failed)} of {len(group)} failed"
            if failed
            else (f"{len(group)} passed")
        )
        at = _place(moment((failed or group)[0]), end)
        kind: Literal["pass", "fail"] = "fail" if failed else "pass"
        marks.append(Mark(at, kind, f"{word}: {named}", "", len(group)))
    return tuple(marks)


def _laid_out(
    tracks: list[Track], pins: list[Pin], end: float, events: int, notes: list[str]
) -> Timeline:
    placed = tuple(
        replace(track, top=index * _TRACK_HEIGHT) for index, track in enumerate(tracks)
    )
    axis = len(placed) * _TRACK_HEIGHT + 4
    told = [f"{count(len(pins), 'pin')} over {duration(end)} of virtual time."]
    for pin in pins[:TRACK_LIMIT]:
        told.append(f"Pin {pin.name} changes {count(pin.changes, 'time')}.")
    kinds = {segment.driven for track in tracks for segment in track.segments}
    return Timeline(
        placed,
        _ticks(end),
        axis + _AXIS_HEIGHT,
        axis,
        " ".join(told),
        events,
        tuple(notes),
        tuple(sorted(kinds)),
    )


def _ticks(end: float) -> tuple[Tick, ...]:
    """Round places on the axis, three to six of them, and the end of it."""
    places = round_places(end)
    found = [Tick(100 * at / end, duration(at)) for at in places]
    return (*found, Tick(100.0, duration(end)))

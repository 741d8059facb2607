"""The simulated time of a board as geometry: what a picture of it is drawn from.

Horizontal places are percent of the width and vertical ones pixels, so that the
picture fits a phone and a desktop while its text keeps its size. A track is one
pin, one direction of the serial line, or the checks.

Whatever the number of events, a track has at most about `_COLUMNS` shapes: what
is too narrow to be told apart is drawn as one busy block and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lockgate_report.reading import Fields, number, objects, text
from lockgate_report.units import count, duration, round_places

__all__ = ["Mark", "Segment", "Tick", "Timeline", "Track", "timeline"]

EVENT_LIMIT = 200_000
TRACK_LIMIT = 24
_COLUMNS = 240
_LINE_COLUMNS = 72
_TRACK_HEIGHT = 40
_LABEL_HEIGHT = 16
_WAVE_HEIGHT = 18
_AXIS_HEIGHT = 24

Level = Literal["high", "low", "wave", "analog", "busy", "unknown"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a pin stays as it is; `driven`: by whom.

    `fill` is how high the wave stands, from 0 to 1.
    """

    start: float
    width: float
    level: Level
    driven: Literal["device", "world", "nobody"]
    fill: float = 0.0
    label: str = ""
    title: str = ""
    edge: bool = False


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


@dataclass(slots=True)
class _Pin:
    """A pin while its events are read: what it is now, and since when."""

    name: str
    mode: str = ""
    level: Level = "unknown"
    driven: Literal["device", "world", "nobody"] = "nobody"
    fill: float = 0.0
    label: str = ""
    since: float = 0.0
    changes: int = 0
    segments: list[Segment] = field(default_factory=list[Segment])

    def becomes(
        self,
        at: float,
        level: Level,
        driven: Literal["device", "world", "nobody"],
        fill: float = 0.0,
        label: str = "",
    ) -> None:
        """End the segment that runs and start another one."""
        if (level, driven, fill) == (self.level, self.driven, self.fill):
            return
        self._end(at)
        if self.level != "unknown":
            self.changes += (level, fill) != (self.level, self.fill)
        self.level, self.driven, self.fill, self.label = level, driven, fill, label
        self.since = at

    def _end(self, at: float) -> None:
        if at > self.since:
            width = at - self.since
            edge = bool(self.segments) and self.segments[-1].level != "unknown"
            self.segments.append(
                Segment(
                    self.since,
                    width,
                    self.level,
                    self.driven,
                    self.fill,
                    self.label,
                    edge=edge,
                )
            )

    def finish(self, at: float) -> list[Segment]:
        """All segments up to the end of the run."""
        self._end(at)
        return self.segments


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
        max((_at(event) for event in events), default=0.0),
    )
    if own <= 0:
        return None
    end = max(own, axis_us)
    notes: list[str] = []
    if len(every) > EVENT_LIMIT:
        notes.append(f"{len(every) - EVENT_LIMIT} later events are left out.")
    pins = _pins(events)
    names = _names(contract)
    ordered = [pin for name in names if (pin := pins.pop(name, None))]
    ordered += pins.values()
    if len(ordered) > TRACK_LIMIT:
        notes.append(f"{len(ordered) - TRACK_LIMIT} more pins are left out.")
    tracks: list[Track] = []
    merged = 0
    for pin in ordered[:TRACK_LIMIT]:
        segments, lost = _thinned(pin.finish(own), end)
        merged += lost
        tracks.append(Track(f"{pin.name}", _detail(pin, names), 0, tuple(segments)))
    for kind, name in (("rx", "to device"), ("tx", "from device")):
        marks, lost = _lines(events, kind, end)
        merged += lost
        if marks:
            tracks.append(Track(f"serial {name}", f"{kind}", 0, (), marks))
    checks, lost = _checks(objects(simulation, "verdicts"), end)
    if checks:
        tracks.append(Track("checks", "", 0, (), checks))
    if merged:
        notes.append(
            f"{merged} of {len(every)} events lie too close to be drawn one by one: "
            "they share marks and blocks."
        )
    return _laid_out(tracks, ordered, end, len(every), notes)


def _at(event: Fields) -> float:
    return max(0.0, number(event, "at_us") or 0.0)


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


def _detail(pin: _Pin, names: dict[str, str]) -> str:
    return " · ".join(part for part in (names.get(pin.name, ""), pin.mode) if part)


def _pins(events: Sequence[Fields]) -> dict[str, _Pin]:
    pins: dict[str, _Pin] = {}
    for event in events:
        kind = event.get("kind")
        if kind in ("pin", "analog") and (name := text(event, "pin", 40)):
            pin = pins.setdefault(name, _Pin(name))
            (_analog if kind == "analog" else _digital)(pin, event)
    return pins


def _digital(pin: _Pin, event: Fields) -> None:
    at, mode = _at(event), text(event, "mode", 20)
    driven: Literal["device", "world"] = (
        "world" if text(event, "by", 16) == "world" else "device"
    )
    if mode:
        pin.mode = mode
        if mode == "output":
            pin.becomes(at, "low", "device")
        elif mode not in ("analog", "pwm"):
            pin.becomes(at, "high" if mode == "input_pullup" else "low", "nobody")
    frequency, duty = number(event, "freq_hz"), number(event, "duty_percent")
    if frequency is not None or duty is not None:
        share = min(100.0, max(0.0, duty or 0.0))
        label = f"{share:g} %" + (f" {frequency:g} Hz" if frequency and share else "")
        pin.becomes(at, "wave" if share else "low", driven, share / 100, label)
    elif "level" in event:
        level = number(event, "level")
        if level is None:
            high = pin.mode == "input_pullup"
            pin.becomes(at, "high" if high else "low", "nobody")
        else:
            pin.becomes(at, "high" if level else "low", driven)


def _analog(pin: _Pin, event: Fields) -> None:
    value, most = number(event, "value") or 0.0, number(event, "max") or 1.0
    share = min(1.0, max(0.0, value / most if most > 0 else 0.0))
    pin.mode = pin.mode or "analog"
    pin.becomes(_at(event), "analog", "world", share, f"{value:g}")


def _thinned(segments: list[Segment], end: float) -> tuple[list[Segment], int]:
    """The segments in percent; runs of very narrow ones as one busy block."""
    narrow = end / _COLUMNS if len(segments) > _COLUMNS else 0.0
    found: list[Segment] = []
    busy: list[Segment] = []
    merged = 0

    def flush() -> None:
        nonlocal merged
        if len(busy) == 1:
            found.append(busy[0])
        elif busy:
            start, last = busy[0].start, busy[-1]
            merged += len(busy)
            block = replace(
                busy[0],
                width=last.start + last.width - start,
                level="busy",
                label=f"{len(busy)}×",
            )
            found.append(block)
        busy.clear()

    for segment in segments:
        if segment.width < narrow:
            busy.append(segment)
        else:
            flush()
            found.append(segment)
    flush()
    return [_in_percent(segment, end) for segment in found], merged


_WORDS = {
    "high": "high",
    "low": "low",
    "wave": "square wave",
    "analog": "analog",
    "busy": "many changes",
    "unknown": "not set",
}


def _in_percent(segment: Segment, end: float) -> Segment:
    width = 100 * segment.width / end
    until = duration(segment.start + segment.width)
    title = f"{duration(segment.start)} – {until}: {_WORDS[segment.level]}"
    if segment.label:
        title = f"{title} {segment.label}"
    if segment.driven != "device":
        title += " (driven from outside)" if segment.driven == "world" else " (at rest)"
    return replace(
        segment,
        start=100 * segment.start / end,
        width=width,
        title=title,
        # A label needs room on a phone: about 58 pixels are 18 percent there.
        label=segment.label if width >= (28 if "Hz" in segment.label else 18) else "",
    )


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
            column = min(_LINE_COLUMNS - 1, int(_at(event) / end * _LINE_COLUMNS))
            columns.setdefault(column, []).append(event)
    places = sorted(columns)
    marks: list[Mark] = []
    for index, column in enumerate(places):
        group = columns[column]
        following = places[index + 1] if index + 1 < len(places) else _LINE_COLUMNS
        room = 100 * (following - column) / _LINE_COLUMNS
        first = text(group[0], "line", 60)
        shown = [f"{duration(_at(e))} {text(e, 'line', 60)}" for e in group[:6]]
        more = f" … {len(group) - 6} more" if len(group) > 6 else ""
        # 10 pixel letters: room for 8 of them is 18 percent of a phone's width.
        fits = 26 if room >= 52 else 8 if room >= 18 else 0
        label = (
            (first if len(first) <= fits else f"{first[: fits - 1]}…") if fits else ""
        )
        marks.append(
            Mark(
                _place(_at(group[0]), end),
                "rx" if kind == "rx" else "tx",
                f"{'; '.join(shown)}{more}",
                label if len(group) == 1 else f"{len(group)}×" if room >= 10 else "",
                len(group),
            )
        )
    return tuple(marks), sum(len(g) for g in columns.values() if len(g) > 1)


def _checks(verdicts: Sequence[Fields], end: float) -> tuple[tuple[Mark, ...], int]:
    """The checks; those in one column share a mark, which fails if one does."""
    columns: dict[int, list[Fields]] = {}
    for verdict in verdicts[:EVENT_LIMIT]:
        column = min(_LINE_COLUMNS - 1, int(_at(verdict) / end * _LINE_COLUMNS))
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
        at = _place(_at((failed or group)[0]), end)
        kind: Literal["pass", "fail"] = "fail" if failed else "pass"
        marks.append(Mark(at, kind, f"{word}: {named}", "", len(group)))
    return tuple(marks), 0


def _laid_out(
    tracks: list[Track], pins: list[_Pin], end: float, events: int, notes: list[str]
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

"""What a board's pins did: events to segments, thinned where they are too narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from lockgate_report.reading import Fields, number, text
from lockgate_report.units import duration

__all__ = ["Driver", "Level", "Pin", "Segment", "moment", "read_pins", "thinned"]

COLUMNS = 240
"""More segments than this on a track are merged where they are narrower than one."""

Driver: TypeAlias = Literal["device", "world", "nobody"]
Level: TypeAlias = Literal["high", "low", "wave", "analog", "busy", "unknown"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a pin stays as it is; `driven`: by whom.

    `fill` is how high the wave stands, from 0 to 1.
    """

    start: float
    width: float
    level: Level
    driven: Driver
    fill: float = 0.0
    label: str = ""
    title: str = ""
    edge: bool = False


@dataclass(slots=True)
class Pin:
    """A pin while its events are read: what it is now, and since when."""

    name: str
    mode: str = ""
    level: Level = "unknown"
    driven: Driver = "nobody"
    fill: float = 0.0
    label: str = ""
    since: float = 0.0
    changes: int = 0
    segments: list[Segment] = field(default_factory=list[Segment])

    def becomes(
        self,
        at: float,
        level: Level,
        driven: Driver,
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


def moment(event: Fields) -> float:
    """When an event was, in microseconds."""
    return max(0.0, number(event, "at_us") or 0.0)


def read_pins(events: Sequence[Fields]) -> dict[str, Pin]:
    """Each pin that the events name, in order of first appearance."""
    pins: dict[str, Pin] = {}
    for event in events:
        kind = event.get("kind")
        if kind in ("pin", "analog") and (name := text(event, "pin", 40)):
            pin = pins.setdefault(name, Pin(name))
            (_analog if kind == "analog" else _digital)(pin, event)
    return pins


def _digital(pin: Pin, event: Fields) -> None:
    at, mode = moment(event), text(event, "mode", 20)
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


def _analog(pin: Pin, event: Fields) -> None:
    value, most = number(event, "value") or 0.0, number(event, "max") or 1.0
    share = min(1.0, max(0.0, value / most if most > 0 else 0.0))
    pin.mode = pin.mode or "analog"
    pin.becomes(moment(event), "analog", "world", share, f"{value:g}")


def thinned(segments: list[Segment], end: float) -> tuple[list[Segment], int]:
    """The segments in percent; runs of very narrow ones as one busy block."""
    narrow = end / COLUMNS if len(segments) > COLUMNS else 0.0
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

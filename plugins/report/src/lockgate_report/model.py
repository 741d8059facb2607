"""What the page shows: plain values, all text still unescaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockgate_report.timeline import Timeline

__all__ = [
    "Artifact",
    "Bar",
    "Board",
    "Call",
    "Chart",
    "Check",
    "Completion",
    "DiffLine",
    "Finding",
    "Layer",
    "Note",
    "Page",
    "Patch",
    "Plugin",
    "Reason",
    "Section",
    "Simulation",
    "Step",
    "Total",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused or failed."""

    code: str
    where: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the asker must know of an answer."""

    kind: str
    subject: str
    message: str
    asked: str
    given: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of an analyzer."""

    severity: str
    rule: str
    tool: str
    place: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff; `kind`: ``add``, ``cut``, ``head`` or ``same``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was made; `source` is its text if it has one and may be shown."""

    path: str
    size: str
    source: str = ""
    note: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict of a simulation."""

    name: str
    passed: bool
    expected: str
    seen: str
    at: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a board did, and the checks held to it."""

    board: str
    plugin: str
    passed: bool
    took: str
    duration_us: float
    stopped: str
    timeline: Timeline | None
    checks: tuple[Check, ...]
    failed: tuple[Check, ...]
    total: int
    events: tuple[tuple[str, str, str], ...]
    events_left: int


@dataclass(frozen=True, slots=True)
class Patch:
    """A change that an assistant proposes."""

    path: str
    why: str
    diff: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What an assistant said: paragraphs with a headline or an empty one."""

    model: str
    plugin: str
    paragraphs: tuple[tuple[str, str], ...]
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One isolation layer of a call."""

    name: str
    state: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Call:
    """One plugin's answer: under which seal, and what it was denied."""

    plugin: str
    version: str
    tier: str
    seconds: float
    took: str
    layers: tuple[Layer, ...]
    in_host: bool
    denials: tuple[str, ...]
    output: str

    @property
    def active(self) -> int:
        """How many layers were active."""
        return sum(layer.state == "active" for layer in self.layers)

    @property
    def weak(self) -> tuple[Layer, ...]:
        """The layers that are degraded, missing or off."""
        bad = ("degraded", "missing", "off")
        return tuple(layer for layer in self.layers if layer.state in bad)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run."""

    id: str
    what: str
    state: str
    note: str
    started: float
    seconds: float
    took: str
    attempts: int
    calls: tuple[Call, ...]
    error: str
    hint: str
    compensation: str


@dataclass(frozen=True, slots=True)
class Board:
    """What the firmware is for."""

    name: str = ""
    mcu: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One run: a spec and all that was made of it."""

    anchor: str
    title: str
    pipeline: str
    state: str
    expected: str
    board: Board
    took: str
    started: float
    seconds: float
    targets: tuple[str, ...]
    error: str
    reasons: tuple[Reason, ...]
    simulations: tuple[Simulation, ...]
    artifacts: tuple[Artifact, ...]
    notes: tuple[Note, ...]
    findings: tuple[Finding, ...]
    completions: tuple[Completion, ...]
    diff: tuple[DiffLine, ...]
    steps: tuple[Step, ...]
    cut: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether the run ended as it was meant to."""
        return self.state == (self.expected or "done")


@dataclass(frozen=True, slots=True)
class Bar:
    """A step in the chart of times, in percent of the whole and pixels.

    The label starts after the bar or within it, or ends before it.
    """

    label: str
    start: float
    width: float
    top: int
    state: str
    took: str
    label_at: float
    side: Literal["after", "before", "within"] = "after"
    group: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Where the time of the clock went."""

    bars: tuple[Bar, ...]
    height: int
    axis: int
    ticks: tuple[tuple[float, str], ...]
    description: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin over the whole run: its weakest posture counts."""

    name: str
    version: str
    tier: str
    calls: int
    took: str
    in_host: bool
    layers: tuple[Layer, ...]
    denials: tuple[str, ...]

    def layer(self, name: str) -> Layer | None:
        """The layer of that name, if any call told of it."""
        return next((layer for layer in self.layers if layer.name == name), None)


@dataclass(frozen=True, slots=True)
class Total:
    """One figure of the head of the page."""

    figure: str
    label: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    state: str
    verdict: str
    detail: str
    totals: tuple[Total, ...]
    sections: tuple[Section, ...]
    steps: tuple[Step, ...]
    completions: tuple[Completion, ...]
    plugins: tuple[Plugin, ...]
    chart: Chart | None
    cut: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The name of every layer that any call told of, in order."""
        names = [layer.name for plugin in self.plugins for layer in plugin.layers]
        return tuple(dict.fromkeys(names))[:60]

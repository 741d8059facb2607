"""The parts of a run's section, each from the answers that it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockgate.values import Data
from lockgate_report.model import (
    Artifact,
    Call,
    Check,
    Completion,
    DiffLine,
    Finding,
    Layer,
    Note,
    Patch,
    Reason,
    Simulation,
)
from lockgate_report.reading import (
    Fields,
    clean,
    is_fields,
    items,
    number,
    objects,
    text,
)
from lockgate_report.timeline import timeline
from lockgate_report.units import duration, seconds, size

__all__ = [
    "Budget",
    "artifacts",
    "call",
    "completion",
    "diff_lines",
    "finding",
    "note",
    "reasons",
    "simulation",
]

REASON_LIMIT = 200
CHECK_LIMIT = 1_000
EVENT_ROWS = 400
DIFF_LIMIT_LINES = 400
FILE_LIMIT = 200
SOURCE_LIMIT_CHARS = 60_000
PROSE_LIMIT_CHARS = 20_000
OUTPUT_LIMIT_CHARS = 4_000
LAYER_LIMIT = 40
SEVERITIES = ("error", "warning", "note")


class Budget:
    """How much source text the page may still hold, all files together."""

    def __init__(self, characters: int = 2_000_000) -> None:
        self._left = characters

    def take(self, wanted: int) -> bool:
        """Whether there was room for that many characters."""
        self._left -= wanted
        return self._left >= 0


def reasons(error: Data) -> tuple[Reason, ...]:
    """The reasons of an error document."""
    return tuple(
        Reason(
            text(each, "code", 80),
            text(each, "where", 200),
            text(each, "message"),
            text(each, "hint"),
        )
        for each in objects(error, "reasons")[:REASON_LIMIT]
    )


def note(fields: Fields) -> Note:
    """A note as it stands."""
    return Note(
        text(fields, "kind", 20),
        text(fields, "subject", 120),
        text(fields, "message"),
        text(fields, "asked", 200),
        text(fields, "given", 200),
    )


def finding(fields: Fields) -> Finding:
    """A finding, with the place as ``path:line:column``."""
    severity = text(fields, "severity", 20)
    place = text(fields, "path", 300)
    where = fields.get("range")
    start = where.get("start") if is_fields(where) else None
    line, column = number(start, "line"), number(start, "column")
    if line is not None:
        place += f":{line:.0f}" + (f":{column:.0f}" if column is not None else "")
    return Finding(
        severity if severity in SEVERITIES else "note",
        text(fields, "rule", 80),
        text(fields, "tool", 40),
        place,
        text(fields, "message"),
        text(fields, "hint"),
    )


def _check(fields: Fields) -> Check:
    return Check(
        text(fields, "name", 200),
        fields.get("passed") is True,
        text(fields, "expected", 300),
        text(fields, "seen", 300),
        duration(number(fields, "at_us") or 0),
    )


def simulation(
    value: Fields, contract: Fields, plugin: str, axis_us: float
) -> Simulation:
    """A simulation with its picture, on an axis of at least `axis_us`."""
    verdicts = objects(value, "verdicts")
    checks = tuple(_check(each) for each in verdicts[:CHECK_LIMIT])
    events = objects(value, "events")
    took = max(0.0, number(value, "duration_us") or 0.0)
    return Simulation(
        board=text(value, "board", 60),
        plugin=plugin,
        passed=value.get("passed") is True,
        took=duration(took),
        duration_us=took,
        stopped=text(value, "stopped", 80),
        timeline=timeline(value, contract, axis_us),
        checks=checks,
        failed=tuple(check for check in checks if not check.passed),
        total=len(verdicts),
        events=tuple(_event(event) for event in events[:EVENT_ROWS]),
        events_left=max(0, len(events) - EVENT_ROWS),
    )


def _event(event: Fields) -> tuple[str, str, str]:
    """Time, what, and how of an event."""
    kind = text(event, "kind", 20)
    pin = text(event, "pin", 40)
    words = [
        f"{key} {shown}"
        for key in ("mode", "level", "freq_hz", "duty_percent", "value", "max", "by")
        if (shown := text(event, key, 40))
    ]
    if kind == "pin" and "level" in event and event["level"] is None:
        words.append("released")
    line = text(event, "line", 200) or text(event, "text", 200)
    at = duration(number(event, "at_us") or 0)
    return at, f"{kind} {pin}".strip(), line or ", ".join(words)


def completion(value: Fields, plugin: str) -> Completion:
    """What an assistant said, by paragraph, and its patches."""
    prose = text(value, "text", PROSE_LIMIT_CHARS)
    parts = [part for part in prose.split("\n\n") if part.strip()]
    return Completion(
        text(value, "model", 80),
        plugin,
        tuple(map(_paragraph, parts[:100])),
        tuple(
            Patch(
                text(patch, "path", 300),
                text(patch, "why"),
                diff_lines(patch.get("diff")),
            )
            for patch in objects(value, "patches")[:40]
        ),
    )


def _paragraph(prose: str) -> tuple[str, str]:
    """A short first line above others is their headline."""
    first, _, rest = prose.strip("\n").partition("\n")
    if rest and len(first) <= 80 and first[:1].isalpha():
        return first, "\n".join(line.strip() for line in rest.splitlines())
    return "", prose.strip()


def diff_lines(diff: Data) -> tuple[DiffLine, ...]:
    """The lines of a unified diff, each with what it means."""
    if not isinstance(diff, str) or not diff:
        return ()
    lines = diff[:200_000].splitlines()
    found = [DiffLine(_diff_kind(line), clean(line, 300)) for line in lines]
    if len(found) > DIFF_LIMIT_LINES:
        more = DiffLine("head", f"… {len(found) - DIFF_LIMIT_LINES} more lines")
        found = [*found[:DIFF_LIMIT_LINES], more]
    return tuple(found)


def _diff_kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "head"
    return {"+": "add", "-": "cut"}.get(line[:1], "same")


def artifacts(
    trees: Iterable[tuple[str, Data]], budget: Budget
) -> tuple[Artifact, ...]:
    """The files of some trees, whole or summarised; a path is shown once."""
    found: dict[str, Artifact] = {}
    for origin, tree in trees:
        for file in objects(tree, "files"):
            path = text(file, "path", 512)
            if path and path not in found and len(found) < FILE_LIMIT:
                found[path] = _artifact(path, file, origin, budget)
    return tuple(sorted(found.values(), key=lambda artifact: artifact.path))


def _artifact(path: str, file: Fields, origin: str, budget: Budget) -> Artifact:
    content = file.get("content")
    if not isinstance(content, bytes):
        return Artifact(path, size(number(file, "bytes") or 0), origin=origin)
    length = size(len(content))
    try:
        source = content.decode("utf-8")
    except UnicodeDecodeError:
        return Artifact(path, length, note="binary", origin=origin)
    if "\0" in source:
        return Artifact(path, length, note="binary", origin=origin)
    note = ""
    if len(source) > SOURCE_LIMIT_CHARS:
        note = f"the first {SOURCE_LIMIT_CHARS:,} characters"
        source = source[:SOURCE_LIMIT_CHARS]
    if not budget.take(len(source)):
        return Artifact(path, length, note="too much to show here", origin=origin)
    return Artifact(path, length, clean(source, SOURCE_LIMIT_CHARS), note, origin)


def call(answer: Fields) -> Call:
    """One plugin's answer as far as its seal goes."""
    posture = answer.get("posture")
    took = number(answer, "seconds") or 0.0
    return Call(
        plugin=text(answer, "plugin", 80),
        version=text(answer, "version", 40),
        tier=text(answer, "tier", 20),
        seconds=took,
        took=seconds(took),
        layers=_layers(objects(posture, "layers")),
        in_host=is_fields(posture) and posture.get("in-host") is True,
        denials=_denials(items(answer, "denials")),
        output=text(answer, "output", OUTPUT_LIMIT_CHARS),
    )


def _layers(layers: Sequence[Fields]) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            text(layer, "name", 40),
            text(layer, "state", 20),
            text(layer, "detail", 200),
            text(layer, "remedy", 300),
        )
        for layer in layers[:LAYER_LIMIT]
    )


def _denials(denials: Sequence[Data]) -> tuple[str, ...]:
    found: list[str] = []
    for denial in denials[:50]:
        if isinstance(denial, str):
            found.append(clean(denial, 300))
        elif is_fields(denial):
            words = [
                f"{clean(key, 30)}: {shown}"
                for key in denial
                if (shown := text(denial, key, 200))
            ]
            found.append("; ".join(words[:8]))
    return tuple(found)

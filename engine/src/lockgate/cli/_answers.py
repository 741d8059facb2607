"""What a hook answered, for a person: findings as lines, files as a list, text as text.

Each line is indented, so that a plugin's words can't look like a line of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lockgate.cli._output import Color, clean, colored, one_line
from lockgate.quantities import counted
from lockgate.values import (
    AnalysisReport,
    Completion,
    Data,
    Finding,
    Generation,
    Note,
    Transformation,
    Tree,
)

__all__ = ["answer_lines", "data_lines", "finding_lines"]

_COLORS: dict[str, Color] = {"error": "red", "warning": "yellow", "note": "dim"}


def answer_lines(value: object, data: Data) -> list[str]:
    """The lines that show `value`, whose wire form is `data`."""
    lines: Iterable[str]
    match value:
        case AnalysisReport():
            lines = _report(value)
        case Transformation():
            lines = _changed(value)
        case Generation():
            lines = [*_files(value.tree), *_notes(value.notes)]
        case Completion(patches=()):
            lines = [*clean(value.text).splitlines(), *_notes(value.notes)]
        case _:
            return data_lines(data)
    return [f"  {line}" for line in lines]


def data_lines(value: Data) -> list[str]:
    """A value for a person: JSON, in which a file's content is text or a size."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_bytes)
    return clean(text).splitlines()


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding for a person: where, what, and the way out."""
    line = f":{finding.range.start.line}" if finding.range else ""
    said = one_line(f"{finding.severity}[{finding.rule}]")
    word = colored(said, _COLORS.get(finding.severity, "yellow"))
    yield f"{one_line(finding.path)}{line}: {word}: {one_line(finding.message)}"
    if finding.hint:
        yield f"  hint: {one_line(finding.hint)}"


def _report(report: AnalysisReport) -> Iterator[str]:
    for finding in report.findings:
        yield from finding_lines(finding)
    yield from _notes(report.notes)
    errors = sum(finding.severity == "error" for finding in report.findings)
    others = len(report.findings) - errors
    yield f"{counted(errors, 'error')}, {counted(others, 'other finding')}"


def _changed(made: Transformation) -> Iterator[str]:
    # The host makes the diff where a plugin gives none.
    yield from clean(made.diff).splitlines()
    if not made.diff:
        yield f"{counted(len(made.tree), 'file')}, nothing changed"
    yield from _notes(made.notes)


def _files(tree: Tree) -> Iterator[str]:
    for file in tree:
        yield f"{one_line(file.path)} ({counted(len(file.content), 'byte')})"
    yield counted(len(tree), "file")


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        word = "not as asked" if note.kind == "substituted" else note.kind
        label = colored(one_line(word), "yellow")
        yield f"{label}: {one_line(note.subject)}: {one_line(note.message)}"


def _bytes(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(type(value).__name__)
    return f"<{len(value)} bytes>"

"""What a task brings along, read out of foreign data.

A task's documents and tree come from whoever asked: what is missing or of another
type is left out, never an exception, and everything is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate.values import Data, Task

__all__ = [
    "SpecText",
    "Trouble",
    "mapping",
    "sequence",
    "spec_text",
    "text",
    "troubles",
]

_TROUBLES_LIMIT = 100
_SPEC_LIMIT_CHARS = 64 * 1024
"""Ten times the largest spec: PyYAML takes about half a second for it."""
_SPEC_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A refusal's reason or an analyzer's finding: what has to be told or mended.

    `where` is a path in the spec (``peripherals[0].pin``) or a place in a file.
    """

    code: str
    where: str
    message: str
    hint: str = ""
    severity: str = "error"
    refusal: bool = True


@dataclass(frozen=True, slots=True)
class SpecText:
    """The spec as its author wrote it: a path and the YAML text."""

    path: str
    text: str


def text(value: Data, limit: int = 2000) -> str:
    """`value` if it is a text, shortened to `limit` characters."""
    return value[:limit] if isinstance(value, str) else ""


def mapping(value: Data) -> Mapping[str, Data]:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Data) -> Sequence[Data]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _reason(entry: Mapping[str, Data]) -> Trouble:
    return Trouble(
        text(entry.get("code")),
        text(entry.get("where")),
        text(entry.get("message")),
        text(entry.get("hint")),
    )


def _finding(entry: Mapping[str, Data]) -> Trouble:
    where = text(entry.get("path"))
    start = mapping(mapping(entry.get("range")).get("start"))
    line = start.get("line")
    if isinstance(line, int) and not isinstance(line, bool):
        where = f"{where}:{line}"
    severity = text(entry.get("severity"))
    return Trouble(
        text(entry.get("rule")),
        where,
        text(entry.get("message")),
        text(entry.get("hint")),
        severity if severity in ("error", "warning", "note") else "warning",
        refusal=False,
    )


def troubles(task: Task) -> list[Trouble]:
    """The reasons and findings of `task`, in their order."""
    documents = task.documents
    found = [_reason(mapping(item)) for item in sequence(documents.get("reasons"))]
    found += [_finding(mapping(item)) for item in sequence(documents.get("findings"))]
    return [trouble for trouble in found if trouble.code][:_TROUBLES_LIMIT]


def spec_text(task: Task) -> SpecText | None:
    """The spec's text: the tree's first YAML file, or the document ``text``."""
    for file in task.tree:
        if file.path.endswith(_SPEC_SUFFIXES) and len(file.content) <= (
            _SPEC_LIMIT_CHARS
        ):
            try:
                return SpecText(file.path, file.content.decode("utf-8"))
            except UnicodeDecodeError:
                return None
    written = task.documents.get("text")
    if isinstance(written, str) and 0 < len(written) <= _SPEC_LIMIT_CHARS:
        path = text(task.documents.get("path"), 500) or "spec.yaml"
        return SpecText(path, written)
    return None

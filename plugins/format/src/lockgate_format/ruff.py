"""Python through ``ruff format``.

ruff rewrites the good files of a batch in place and names each bad one on
stderr (``error: Failed to parse 3.py:2:8: Expected ...``); its exit status is 0,
or 2 when at least one file was bad.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lockgate.values import File, Note, Tree
from lockgate_format.batch import Item, Outcome, Programs, admit, batches, unchanged
from lockgate_format.errors import ToolFailedError
from lockgate_format.options import FormatOptions

__all__ = ["format_python"]

_ERROR = re.compile(r"^error: Failed to \w+ (?P<file>\d+\.pyi?)(?P<rest>:.*)$", re.M)
_PLACE = re.compile(r"^:(?P<line>\d+):(?P<column>\d+): (?P<message>.*)$")


def _errors(stderr: str) -> dict[str, str]:
    """Why ruff refused a file, by alias."""
    found: dict[str, str] = {}
    for match in _ERROR.finditer(stderr):
        place = _PLACE.match(match["rest"])
        found[match["file"]] = (
            f"line {place['line']}, column {place['column']}: {place['message']}"
            if place
            else match["rest"].lstrip(": ")
        )
    return found


def _run(items: Sequence[Item], options: FormatOptions, programs: Programs) -> Outcome:
    run = programs.run_program(
        "ruff",
        [
            "format",
            # Neither a configuration file in the tree nor a cache may matter.
            "--isolated",
            "--no-cache",
            "--no-respect-gitignore",
            f"--line-length={options.line_length}",
            f"--target-version={options.target_version}",
            *(item.alias for item in items),
        ],
        tree=Tree(tuple(File(item.alias, item.body) for item in items)),
        collect=("*.py", "*.pyi"),
    )
    stderr = run.stderr.decode("utf-8", "replace")
    errors = _errors(stderr)
    # Status 2 without a named file is ruff's own failure (bad option, no memory).
    if run.status not in (0, 2) or (run.status == 2 and not errors):
        raise ToolFailedError("ruff", run.status, stderr)
    changed: list[File] = []
    notes: list[Note] = []
    for item in items:
        if item.alias in errors:
            notes.append(unchanged(item.file.path, errors[item.alias]))
        elif (body := run.tree[item.alias].content) != item.body:
            changed.append(item.given(body))
    return Outcome(tuple(changed), tuple(notes))


def format_python(
    files: Sequence[File], options: FormatOptions, programs: Programs
) -> Outcome:
    """Format Python files with one start of ruff.

    A file that ruff cannot parse is no error: it is left out of `changed` and
    its note names the line.

    Raises:
        ToolFailedError: If ruff itself broke down.
        PermissionError: If ruff is not granted.
        FileNotFoundError: If ruff is not installed.
        TimeoutError: If ruff took too long.
    """
    items, notes = admit(files)
    changed: list[File] = []
    for batch in batches(items):
        outcome = _run(batch, options, programs)
        changed.extend(outcome.changed)
        notes.extend(outcome.notes)
    return Outcome(tuple(changed), tuple(notes))

"""Python through ``ruff check``.

MicroPython files are checked apart: they may use names that its compiler knows
(``const``, ``@micropython.native``), and syntax newer than MicroPython's is an
error there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import cast

from lockgate.values import File, Finding, ProgramRun, Tree
from lockgate_lint.rules import RULES
from lockgate_lint.tools import Programs, finding

__all__ = ["check_python", "parse_ruff"]

_MICROPYTHON_BUILTINS = (
    *("const", "micropython", "ptr", "ptr8", "ptr16", "ptr32", "uint"),
)
"""Names that MicroPython's compiler and native emitters know without an import."""

_OUTPUT_LIMIT_FINDINGS = 2_000
_TOOL_SECONDS = 60.0


def _alias(index: int, path: str) -> str:
    """A safe name for a file; ``__init__.py`` keeps its own, as ruff treats it so."""
    name = PurePosixPath(path)
    stem = "__init__" if name.stem == "__init__" else "module"
    return f"{index}/{stem}{name.suffix}"


def _arguments(aliases: Sequence[str], *, micropython: bool) -> list[str]:
    codes = [rule.id for rule in RULES.values() if rule.tool == "ruff"]
    builtins = json.dumps(list(_MICROPYTHON_BUILTINS)) if micropython else "[]"
    return [
        "check",
        # Neither a configuration file in the tree, nor a cache, nor a `noqa`
        # comment in the code that is checked may matter.
        "--isolated",
        "--no-cache",
        "--no-respect-gitignore",
        "--ignore-noqa",
        "--output-format=json",
        f"--target-version={'py38' if micropython else 'py311'}",
        f"--select={','.join(code for code in codes if code != 'invalid-syntax')}",
        f"--config=builtins={builtins}",
        *aliases,
    ]


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 2**31 else 1


def _place(value: object) -> tuple[int, int]:
    entry: Mapping[str, object] = (
        cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
    )
    return _number(entry.get("row")), _number(entry.get("column"))


def parse_ruff(output: bytes, paths: Mapping[str, str]) -> list[Finding] | None:
    """Findings out of ruff's JSON, or None if it is none.

    `paths` maps the name that ruff saw (its last two parts) to the tree's path.
    """
    try:
        rows: object = json.loads(output)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list):
        return None
    found: list[Finding] = []
    for item in cast("list[object]", rows)[:_OUTPUT_LIMIT_FINDINGS]:
        if not isinstance(item, dict):
            return None
        row = cast("Mapping[str, object]", item)
        name = "/".join(PurePosixPath(str(row.get("filename"))).parts[-2:])
        rule, message = str(row.get("code")), str(row.get("message"))
        if rule not in RULES or name not in paths:
            continue
        start, end = _place(row.get("location")), _place(row.get("end_location"))
        found.append(finding(rule, paths[name], message, start, max(start, end)))
    return found


def _failed(run: ProgramRun, files: Sequence[File]) -> list[Finding]:
    words = run.stderr.decode("utf-8", "replace").strip()[-500:]
    message = f"ruff ended with status {run.status}: {words}"
    return [finding("tool-failed", files[0].path, message, tool="ruff")]


def check_python(
    files: Sequence[File], programs: Programs, *, micropython: bool
) -> list[Finding]:
    """Check Python files with one start of ruff.

    Raises:
        PermissionError: If ruff is not granted.
        FileNotFoundError: If ruff is not installed.
        TimeoutError: If ruff took too long.
    """
    aliases = {_alias(n, file.path): file for n, file in enumerate(files)}
    run = programs.run_program(
        "ruff",
        _arguments(tuple(aliases), micropython=micropython),
        tree=Tree(tuple(File(a, file.content) for a, file in aliases.items())),
        timeout=_TOOL_SECONDS,
    )
    # Status 1 is "findings"; 2 and above are ruff's own failures.
    if run.status not in (0, 1):
        return _failed(run, files)
    found = parse_ruff(run.stdout, {a: file.path for a, file in aliases.items()})
    return _failed(run, files) if found is None else found

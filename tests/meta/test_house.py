"""The rules of the house that a machine can hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.meta.workspace import ROOT, members, modules, tracked_files

MODULE_LIMIT_LINES = 402
FUNCTION_LIMIT_LINES = 50
AT_ONCE = {"answer_plain"}
"""A worker's short way of a call: what it called would be part of every call."""

TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".html", ".j2", ""}

# Written in parts, so that this file does not hold what it looks for.
PLACES = re.compile(
    "|".join(
        [
            "files" + r"\.pythonhosted",
            "registry" + r"\.npmjs",
            "deb" + r"\.debian\.org",
            r"https?://" + r"pypi\.org",
            r"(?<![\w.])/ro" + r"ot/",
            r"(?<![\w./])/wo" + r"rk/",
        ]
    )
)


def generated(path: Path) -> bool:
    """Whether a file says on top that a script wrote it."""
    return "enerated by" in path.read_text("utf-8")[:400]


def functions(path: Path) -> list[tuple[str, int]]:
    """Each function of a file with its length in lines, docstring left out."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            skip = 0
            if ast.get_docstring(node) is not None:
                skip = (body[0].end_lineno or 0) - body[0].lineno + 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - skip
            found.append((node.name, length))
    return found


def test_no_module_outgrows_its_idea() -> None:
    long = [
        (str(path.relative_to(ROOT)), lines)
        for member in members()
        for path in modules(member)
        if not generated(path)
        and (lines := len(path.read_text("utf-8").splitlines())) > MODULE_LIMIT_LINES
    ]

    assert long == []


def test_a_function_fits_a_screen() -> None:
    long = [
        (f"{path.relative_to(ROOT)}:{name}", length)
        for member in members()
        for path in modules(member)
        for name, length in functions(path)
        if length > FUNCTION_LIMIT_LINES and name not in AT_ONCE
    ]

    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for member in members()
        for path in modules(member)
        if not ast.get_docstring(ast.parse(path.read_bytes()))
    ]

    assert silent == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.suffix in TEXT and path.stat().st_size < 1_000_000
        for match in [PLACES.search(path.read_text("utf-8", "replace"))]
        if match
    ]

    assert found == []


def test_a_changelog_fragment_names_its_distribution() -> None:
    names = {member.distribution for member in members()} | {"workspace"}
    kinds = {"added", "changed", "fixed", "removed", "security"}
    wrong: list[str] = []
    for path in sorted((ROOT / "docs" / "changelog").glob("*.md")):
        number, _, kind = path.stem.partition(".")
        distribution = path.read_text("utf-8").partition(":")[0]
        if not number or kind not in kinds or distribution not in names:
            wrong.append(path.name)

    assert wrong == []


def test_a_decision_record_has_its_sections() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    wrong = [
        path.name
        for path in records
        for heading in ("## Context", "## Decision", "## Consequences")
        if heading not in path.read_text("utf-8")
    ]

    assert records
    assert wrong == []

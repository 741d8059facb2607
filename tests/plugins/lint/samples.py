"""Sample files whose expected findings stand on their lines (``tests/data/lint``)."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.values import Finding, Tree

__all__ = ["SAMPLES", "expected", "found", "names", "read"]

SAMPLES = Path(__file__).parents[2] / "data" / "lint"

_EXPECT = re.compile(r"(?:#|//) expect: ([\w -]+?)\s*$|\"expect\": \[([^\]]*)\]")
_CHARACTER = re.compile(r"\{\{U\+([0-9A-F]{4})\}\}")


def names(folder: str) -> list[str]:
    """The samples of a folder, without ``.txt``."""
    return sorted(path.stem for path in (SAMPLES / folder).glob("*.txt"))


def read(path: Path) -> str:
    """A sample's text, its placeholders replaced by their characters."""
    return _CHARACTER.sub(lambda m: chr(int(m[1], 16)), path.read_text("utf-8"))


def expected(path: str, text: str) -> set[tuple[str, int, str]]:
    """What is expected of a file: path, line, rule."""
    rows: set[tuple[str, int, str]] = set()
    for number, line in enumerate(text.split("\n"), 1):
        match = _EXPECT.search(line)
        if match:
            rules = match[1].split() if match[1] else re.findall(r'"(.+?)"', match[2])
            rows |= {(path, number, rule) for rule in rules}
    return rows


def found(findings: tuple[Finding, ...]) -> set[tuple[str, int, str]]:
    """The same of what was found; line 0 for a finding without a place."""
    return {(f.path, f.range.start.line if f.range else 0, f.rule) for f in findings}


def tree_of(folder: Path) -> Tree:
    """The files of a folder, without their ``.txt``."""
    return Tree.of(
        {
            str(path.relative_to(folder).with_suffix("")): read(path)
            for path in folder.rglob("*.txt")
        }
    )

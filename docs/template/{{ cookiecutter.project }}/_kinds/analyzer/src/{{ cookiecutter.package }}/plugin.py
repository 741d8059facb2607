"""The analyzer: unfinished work becomes findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.plugin import (
    AnalysisReport,
    Context,
    File,
    Finding,
    Position,
    Range,
    Tree,
    hookimpl,
)

__all__ = ["analyze", "marks_in"]

WORDS = ("TODO", "FIXME", "XXX")


@hookimpl
def analyze(tree: Tree, context: Context) -> AnalysisReport:
    """Report each mark of unfinished work in the text files of `tree`."""
    chosen = context.config.get("words")
    listed = chosen if isinstance(chosen, list | tuple) and chosen else WORDS
    words = "|".join(re.escape(str(one)) for one in listed)
    pattern = re.compile(rf"\b({words})\b[: ]*(.*)")
    findings = [one for file in tree for one in marks_in(file, pattern)]
    context.log("info", "looked through the tree", files=len(tree))
    return AnalysisReport(tuple(findings))


def marks_in(file: File, pattern: re.Pattern[str]) -> Iterator[Finding]:
    """The findings of one file; a file that is no UTF-8 text has none."""
    try:
        lines = file.content.decode().splitlines()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        for match in pattern.finditer(line):
            start = Position(number, match.start() + 1)
            place = Range(start, Position(number, match.end() + 1))
            message = match[2].strip() or "unfinished"
            rule = match[1].lower()
            yield Finding(file.path, rule, "warning", message, place)

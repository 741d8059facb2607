"""The adapter: another program's checks answer `analyze`.

It runs in the worker of the foreign plugin, under the seal, and so does the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint

from lockgate.plugin import AnalysisReport, Finding, ForeignEntry, Tree, hookimpl

__all__ = ["Checks", "adapt"]

Check = Callable[[str], Iterable[str]]
"""What the other program calls: a text in, messages out."""


def adapt(entries: tuple[ForeignEntry, ...]) -> Checks:
    """Load the functions of one distribution."""
    loaded = {
        entry.name: EntryPoint(entry.name, entry.value, entry.group).load()
        for entry in entries
    }
    return Checks(loaded)


class Checks:
    """Answers in the name of the functions `checks`."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        """Keep them by their names."""
        self._checks = checks

    @hookimpl
    def analyze(self, tree: Tree) -> AnalysisReport:
        """Show each text to each check."""
        findings = [
            Finding(file.path, name, "warning", message)
            for file in tree
            for name, check in self._checks.items()
            for message in check(file.text)
        ]
        return AnalysisReport(tuple(findings))

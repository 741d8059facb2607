"""bandit: tests as an analyzer, formatters as a transformer that adds a report."""

from __future__ import annotations

import contextlib
import io
import logging
from importlib import import_module
from inspect import signature
from typing import Any

from lockgate.plugin import (
    AnalysisReport,
    Document,
    Finding,
    ForeignEntry,
    Note,
    Position,
    Range,
    Severity,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import chosen, loaded, of_group

__all__ = ["adapt"]

_SEVERITIES: dict[str, Severity] = {
    "HIGH": "error",
    "MEDIUM": "warning",
    "LOW": "note",
    "UNDEFINED": "note",
}


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The tests, blacklists and formatters of one distribution."""
    return _Bandit(entries)


class _Bandit:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        logging.disable(logging.WARNING)
        self._tests = of_group(entries, "bandit.plugins", "bandit.blacklists")
        self._formatters = of_group(entries, "bandit.formatters")
        _, self._notes = loaded(self._tests)  # bandit would leave them out silently

    @hookimpl
    def analyze(self, tree: Tree) -> AnalysisReport | None:
        """Run the distribution's tests over the Python files of `tree`."""
        if not self._tests:
            return None
        manager = self._judged(tree)
        found = tuple(map(_finding, manager.get_issue_list()))
        left = (Note("warning", path, why) for path, why in manager.get_skipped())
        return AnalysisReport(found, notes=(*self._notes, *left))

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Add reports: ``format`` of `options` names the formatters."""
        if not self._formatters:
            return None
        manager = self._judged(tree)
        made, notes = loaded(chosen(options, "format", self._formatters))
        added = {
            f"bandit.{entry.name}": _report(formatter, manager)
            for entry, formatter in made
        }
        return Transformation(tree.merged(Tree.of(added)), notes=notes)

    def _judged(self, tree: Tree) -> Any:
        """Bandit's manager, when it has been through the files, in memory."""
        config = import_module("bandit.core.config").BanditConfig()
        manager: Any = import_module("bandit.core.manager").BanditManager(
            config, "file", profile=self._profile()
        )
        for file in tree:
            if file.path.endswith(".py"):
                # What bandit itself does with each file that it has opened.
                parse = manager._parse_file  # noqa: SLF001
                parse(file.path, io.BytesIO(file.content), [file.path])
        manager.files_list = [file.path for file in tree]
        return manager

    def _profile(self) -> dict[str, Any]:
        """The ids of this distribution's own tests: other ones have other workers."""
        extensions = import_module("bandit.core.extension_loader").MANAGER
        names = {entry.name for entry in of_group(self._tests, "bandit.plugins")}
        include = {
            plugin.plugin._test_id  # noqa: SLF001 - its decorator sets it
            for plugin in extensions.plugins
            if plugin.name in names
        }
        for entry in of_group(self._tests, "bandit.blacklists"):
            made: Any = entry.load()
            include |= {item["id"] for kind in made().values() for item in kind}
        return {"include": include}


def _finding(issue: Any) -> Finding:
    start = Position(issue.lineno, max(0, issue.col_offset) + 1)
    last = max(issue.linerange or [issue.lineno])
    end = start if last <= issue.lineno else Position(last, 1)
    return Finding(
        issue.fname,
        issue.test_id,
        _SEVERITIES.get(issue.severity, "note"),
        issue.text,
        Range(start, end),
        tool="bandit",
        hint=import_module("bandit.core.docs_utils").get_url(issue.test_id),
    )


def _report(formatter: Any, manager: Any) -> bytes:
    """What the formatter writes to its file or, as ``screen`` does, prints."""
    out, printed = _Kept("report"), _Kept("<stdout>")
    levels: tuple[object, ...] = (manager, out, "LOW", "LOW")
    if "lines" in signature(formatter).parameters:
        levels = (*levels, 3)
    with contextlib.redirect_stdout(printed):
        formatter(*levels)
    printed.close()
    return out.kept or printed.kept


class _Kept(io.StringIO):
    """A file, of text or bytes, that keeps what it held when it is closed."""

    mode = "wb"  # opened for text, the XML formatter would open it anew

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.kept = b""

    def write(self, text: str | bytes) -> int:
        """Take text; bytes are its UTF-8."""
        return super().write(text if isinstance(text, str) else bytes(text).decode())

    def close(self) -> None:
        """Keep what it holds."""
        if not self.closed:
            self.kept = self.getvalue().encode()
        super().close()

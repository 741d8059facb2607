"""flake8: checkers as an analyzer, reporters as a transformer that adds a report."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from lockgate.plugin import (
    AnalysisReport,
    Document,
    File,
    Finding,
    ForeignEntry,
    Position,
    Range,
    Severity,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import as_importlib, chosen, loaded, of_group

__all__ = ["adapt"]

_ERRORS = ("E9", "F63", "F7", "F82")
"""Codes of broken code, not of taste: flake8's own example of a gate."""


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The checkers and reporters of one distribution."""
    return _Flake8(entries)


class _Flake8:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        finder = import_module("flake8.plugins.finder")
        self._reporters = of_group(entries, "flake8.report")
        names = frozenset(entry.name for entry in entries)
        options = finder.PluginOptions((), names, frozenset())

        def load(entry: ForeignEntry) -> Any:
            plugin = finder.Plugin(entry.distribution, "", as_importlib(entry))
            finder.load_plugins([plugin], options)
            return plugin

        plugins, self._notes = loaded(entries, load)
        self._loaded: Any = finder.load_plugins([p for _, p in plugins], options)
        self._options = _options(self._loaded)

    @hookimpl
    def analyze(self, tree: Tree) -> AnalysisReport | None:
        """Run every checker over the Python files of `tree`."""
        if not any(self._loaded.checkers):
            return None
        found = [f for file in _python(tree) for f in self._findings(file)]
        return AnalysisReport(tuple(found), notes=self._notes)

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Add a report: ``report`` of `options` names the reporter."""
        if not self._reporters:
            return None
        added = {
            f"flake8.{entry.name}.txt": self._report(entry, tree)
            for entry in chosen(options, "report", self._reporters)
        }
        return Transformation(tree.merged(Tree.of(added)))

    def _results(self, file: File) -> list[Any]:
        processor = import_module("flake8.processor")
        checker = import_module("flake8.checker")

        class InMemory(checker.FileChecker):  # type: ignore[misc, name-defined]
            """A file whose lines are here already."""

            def _make_processor(self) -> Any:
                lines = file.text.splitlines(keepends=True)
                return processor.FileProcessor(self.filename, self.options, lines)

        one: Any = InMemory(
            filename=file.path, plugins=self._loaded.checkers, options=self._options
        )
        # Some checkers read the file once more, by its name.
        pycodestyle: Any = import_module("pycodestyle")

        def lines_of(_: str) -> list[str]:
            return list(one.processor.lines)

        pycodestyle.readlines = lines_of
        with contextlib.redirect_stdout(io.StringIO()):
            return list(one.run_checks()[1]) if one.should_process else []

    def _findings(self, file: File) -> Iterable[Finding]:
        for code, line, column, text, source in self._results(file):
            if source and "# noqa" in source:
                continue
            severity: Severity = "error" if code.startswith(_ERRORS) else "warning"
            start = Position(max(1, line), max(1, column))
            yield Finding(
                file.path, code, severity, text, Range(start, start), tool="flake8"
            )

    def _report(self, entry: ForeignEntry, tree: Tree) -> str:
        """What the reporter prints of the findings of flake8's own checkers."""
        made: Any = entry.load()
        violation = import_module("flake8.violation").Violation
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            formatter = made(self._options)
            formatter.start()
            for file in _python(tree):
                formatter.beginning(file.path)
                for code, line, column, text, source in _syntax(file):
                    formatter.handle(
                        violation(
                            code, file.path, line, column, text, source, source, {}
                        )
                    )
                formatter.finished(file.path)
            formatter.stop()
        return out.getvalue()


def _syntax(file: File) -> Iterable[tuple[str, int, int, str, str]]:
    """E9 and E5 of a file, which a reporter can be shown without any checker."""
    try:
        compile(file.content, file.path, "exec", dont_inherit=True)
    except SyntaxError as error:
        yield "E999", error.lineno or 1, error.offset or 1, error.msg, error.text or ""
    for number, line in enumerate(file.text.splitlines(), 1):
        if len(line) > 79:
            yield "E501", number, 80, f"line too long ({len(line)} > 79)", line


def _options(plugins: Any) -> Any:
    """flake8's options, its plugins' own among them, as nobody set any."""
    own = import_module("flake8.main.options")
    manager: Any = import_module("flake8.options.manager").OptionManager(
        version="",
        plugin_versions="",
        parents=[own.stage1_arg_parser()],
        formatter_names=[*plugins.reporters, "default"],
    )
    own.register_default_options(manager)
    manager.register_plugins(plugins)
    options = manager.parse_args([])
    options.extended_default_ignore = manager.extended_default_ignore
    options.extended_default_select = manager.extended_default_select
    for plugin in plugins.all_plugins():
        parse = getattr(plugin.obj, "parse_options", None)
        if parse is None:
            continue
        try:
            parse(manager, options, options.filenames)
        except TypeError:
            parse(options)
    return options


def _python(tree: Tree) -> list[File]:
    return [file for file in tree if file.path.endswith((".py", ".pyi"))]

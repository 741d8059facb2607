"""flake8: checkers as an analyzer, reporters as a transformer that adds a report."""

from __future__ import annotations

import contextlib
import io
import tokenize
from collections.abc import Sequence
from importlib import import_module
from operator import itemgetter
from typing import Any

from lockgate.plugin import (
    AnalysisReport,
    Document,
    File,
    Finding,
    ForeignEntry,
    Position,
    Range,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import as_importlib, chosen, loaded, of_group

__all__ = ["adapt"]

_BROKEN = ("E9", "F63", "F7", "F82")
"""Codes of broken code, not of taste: flake8's own example of a gate."""

_OWN = (
    ("F", "flake8.plugins.pyflakes:FlakesChecker"),
    ("E", "flake8.plugins.pycodestyle:pycodestyle_logical"),
    ("W", "flake8.plugins.pycodestyle:pycodestyle_physical"),
)
"""flake8's own checkers, which a reporter of another distribution is shown."""


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The checkers and reporters of one distribution."""
    return _Flake8(entries)


class _Flake8:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._reporters = of_group(entries, "flake8.report")
        ready, self._notes = loaded(entries, lambda entry: _load([entry]))
        self._loaded: Any = _load([entry for entry, _ in ready])
        self._options = _options(self._loaded)

    @hookimpl
    def analyze(self, tree: Tree) -> AnalysisReport | None:
        """Run every checker over the Python files of `tree`."""
        if not any(self._loaded.checkers):
            return None
        found = _Findings()
        self._run(self._loaded.checkers, tree, found)
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

    def _report(self, entry: ForeignEntry, tree: Tree) -> str:
        """What the reporter prints of the findings of flake8's own checkers."""
        made: Any = entry.load()
        own = [ForeignEntry("flake8.extension", *one, "flake8") for one in _OWN]
        out = io.TextIOWrapper(io.BytesIO(), "utf-8")  # some want its buffer
        with contextlib.redirect_stdout(out):
            formatter = made(self._options)
            formatter.start()
            self._run(_load(own).checkers, tree, formatter)
            formatter.stop()
        out.seek(0)
        return out.read()

    def _run(self, checkers: Any, tree: Tree, formatter: Any) -> None:
        """Put the Python files to the checkers, and what flake8 selects to `formatter`.

        flake8's own style guide knows what is ignored, by default or by ``# noqa``.
        """
        guide: Any = import_module("flake8.style_guide").StyleGuideManager(
            self._options, formatter
        )
        for file in tree:
            if not file.path.endswith((".py", ".pyi")):
                continue
            results = self._results(checkers, file)
            results.sort(key=itemgetter(1, 2))
            with guide.processing_file(file.path):
                for code, line, column, text, source in results:
                    guide.handle_error(code, file.path, line, column, text, source)

    def _results(self, checkers: Any, file: File) -> list[Any]:
        processor = import_module("flake8.processor")
        checker = import_module("flake8.checker")

        class InMemory(checker.FileChecker):  # type: ignore[misc, name-defined]
            """A file whose lines are here already."""

            def _make_processor(self) -> Any:
                lines = _lines(file.content)
                return processor.FileProcessor(self.filename, self.options, lines)

        one: Any = InMemory(filename=file.path, plugins=checkers, options=self._options)
        # Some checkers read the file once more, by its name.
        pycodestyle: Any = import_module("pycodestyle")

        def lines_of(_: str) -> list[str]:
            return list(one.processor.lines)

        pycodestyle.readlines = lines_of
        with contextlib.redirect_stdout(io.StringIO()):
            return list(one.run_checks()[1])


class _Findings(list[Finding]):
    """What flake8 takes for a formatter; it keeps what it is handed."""

    def beginning(self, filename: str) -> None:
        """A file begins."""

    def finished(self, filename: str) -> None:
        """A file ended."""

    def handle(self, error: Any) -> None:
        """Keep a violation."""
        broken = error.code.startswith(_BROKEN)
        start = Position(max(1, error.line_number), error.column_number)
        self.append(
            Finding(
                error.filename,
                error.code,
                "error" if broken else "warning",
                error.text,
                Range(start, start),
                tool="flake8",
            )
        )


def _lines(content: bytes) -> list[str]:
    """The lines as flake8 reads them from a file."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding).readlines()
    except (SyntaxError, UnicodeError):
        return io.TextIOWrapper(io.BytesIO(content), "latin-1").readlines()


def _load(entries: Sequence[ForeignEntry]) -> Any:
    """The entries as flake8 loads and sorts them."""
    finder = import_module("flake8.plugins.finder")
    plugins = [finder.Plugin(e.distribution, "", as_importlib(e)) for e in entries]
    names = frozenset(entry.name for entry in entries)  # also those off by default
    return finder.load_plugins(plugins, finder.PluginOptions((), names, frozenset()))


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

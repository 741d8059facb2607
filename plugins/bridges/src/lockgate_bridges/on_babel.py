"""babel: extractors as a transformer that adds a template, checkers as an analyzer."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fnmatch import fnmatch
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
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import chosen, loaded, of_group, text_option

__all__ = ["adapt"]


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The extractors and checkers of one distribution."""
    return _Babel(entries)


class _Babel:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._extractors = of_group(entries, "babel.extractors")
        self._checkers = of_group(entries, "babel.checkers")

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Add ``messages.EXTRACTOR.pot`` for each extractor that ``use`` names.

        ``files`` is the pattern of the files to read (``*`` if it is not there).
        """
        if not self._extractors:
            return None
        pattern = text_option(options, "files", "*")
        files = [file for file in tree if fnmatch(file.path, pattern)]
        ready, notes = loaded(chosen(options, "use", self._extractors))
        added = {
            f"messages.{entry.name}.pot": _template(method, files)
            for entry, method in ready
        }
        return Transformation(tree.merged(Tree.of(added)), notes=notes)

    @hookimpl
    def analyze(self, tree: Tree) -> AnalysisReport | None:
        """Hold every translation in the ``.po`` files of `tree` to the checkers."""
        if not self._checkers:
            return None
        found = [
            finding
            for file in tree
            if file.path.endswith(".po")
            for finding in _checked(file, self._checkers)
        ]
        return AnalysisReport(tuple(found))


def _template(method: Any, files: Iterable[File]) -> bytes:
    """What the extractor finds in the files, as a POT file."""
    extract = import_module("babel.messages.extract")
    catalog: Any = import_module("babel.messages.catalog").Catalog()
    for file in files:
        found = extract.extract(method, io.BytesIO(file.content))
        for line, message, comments, context in found:
            catalog.add(
                message,
                locations=[(file.path, line)],
                auto_comments=comments,
                context=context,
            )
    out = io.BytesIO()
    write = import_module("babel.messages.pofile").write_po
    write(out, catalog, omit_header=True, sort_output=True)
    return out.getvalue()


def _checked(file: File, checkers: Iterable[ForeignEntry]) -> Iterable[Finding]:
    read = import_module("babel.messages.pofile").read_po
    wrong: Any = import_module("babel.messages.catalog").TranslationError
    catalog = read(io.BytesIO(file.content))
    for entry in checkers:
        check: Any = entry.load()
        for message in catalog:
            if not message.id or not message.string:
                continue
            try:
                check(catalog, message)
            except wrong as error:
                place = Position(message.lineno or 1)
                yield Finding(
                    file.path,
                    entry.name,
                    "error",
                    str(error),
                    Range(place, place),
                    tool="babel",
                )

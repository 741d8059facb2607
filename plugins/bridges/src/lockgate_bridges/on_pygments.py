"""pygments: lexers and styles as a transformer that adds highlighted pages."""

from __future__ import annotations

from fnmatch import fnmatch
from importlib import import_module
from typing import Any

from lockgate.plugin import (
    Document,
    File,
    ForeignEntry,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import chosen, loaded

__all__ = ["adapt"]


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The lexers, styles, formatters and filters of one distribution."""
    return _Pygments(entries)


class _Pygments:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._entries = entries

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Add what the entries that ``use`` names (all without it) make of `tree`.

        A lexer a page of each file that it is for; a style its sheet. ``files`` is a
        pattern: of files for a lexer besides its own, and for formatters and filters.
        """
        added: dict[str, str | bytes] = {}
        pattern = options.get("files")
        ready, notes = loaded(chosen(options, "use", self._entries))
        for entry, made in ready:
            kind = entry.group.rpartition(".")[2]
            if kind == "styles":
                added[f"{entry.name}.css"] = _sheet(made)
                continue
            for file in tree:
                wanted = isinstance(pattern, str) and fnmatch(file.path, pattern)
                if kind == "lexers" and (wanted or _suits(made, file.path)):
                    added[f"{file.path}.{entry.name}.html"] = _page(made(), file)
                elif kind == "formatters" and wanted:
                    added[f"{file.path}.{entry.name}"] = _formatted(made(), file)
                elif kind == "filters" and wanted:
                    added[f"{file.path}.{entry.name}.html"] = _filtered(made(), file)
        if not added and not notes:
            return None
        return Transformation(tree.merged(Tree.of(added)), notes=notes)


def _suits(lexer: Any, path: str) -> bool:
    name = path.rpartition("/")[2]
    patterns = (*lexer.filenames, *lexer.alias_filenames)
    return any(fnmatch(name, pattern) for pattern in patterns)


def _sheet(style: Any) -> str:
    html = import_module("pygments.formatters").HtmlFormatter(style=style)
    return str(html.get_style_defs())


def _page(lexer: Any, file: File) -> str:
    html = import_module("pygments.formatters").HtmlFormatter(full=True)
    return str(import_module("pygments").highlight(file.text, lexer, html))


def _formatted(formatter: Any, file: File) -> str | bytes:
    lexer = import_module("pygments.lexers").TextLexer()
    made: str | bytes = import_module("pygments").highlight(file.text, lexer, formatter)
    return made


def _filtered(one: Any, file: File) -> str:
    lexer = import_module("pygments.lexers").TextLexer()
    lexer.add_filter(one)
    return _page(lexer, file)

"""markdown: extensions as a transformer that adds a page for each text."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lockgate.plugin import Document, ForeignEntry, Transformation, Tree, hookimpl
from lockgate_bridges._entries import chosen, loaded, settings_of

__all__ = ["adapt"]


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The extensions of one distribution."""
    return _Markdown(entries)


class _Markdown:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._entries = entries

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Add ``NAME.html`` for each ``NAME.md``, with the extensions in ``use``.

        All of them without it; ``settings`` has the configuration of each by name.
        """
        texts = [file for file in tree if file.path.endswith((".md", ".markdown"))]
        if not texts:
            return None
        given = settings_of(options)
        markdown = import_module("markdown")
        ready, notes = loaded(chosen(options, "use", self._entries))
        converter: Any = markdown.Markdown(
            extensions=[_made(made, given.get(e.name, {})) for e, made in ready]
        )
        added = {
            f"{file.path.rpartition('.')[0]}.html": converter.reset().convert(file.text)
            for file in texts
        }
        return Transformation(tree.merged(Tree.of(added)), notes=notes)


def _made(made: Any, settings: dict[str, Any]) -> Any:
    if isinstance(made, type):
        return made(**settings)
    return made.makeExtension(**settings)  # the older form: a module

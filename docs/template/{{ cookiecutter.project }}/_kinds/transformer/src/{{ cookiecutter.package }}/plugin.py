"""The transformer: text files come back tidy."""

from __future__ import annotations

from lockgate.plugin import (
    Context,
    File,
    Note,
    Transformation,
    Tree,
    hookimpl,
)

__all__ = ["tidy", "transform"]

SUFFIXES = (".md", ".py", ".txt", ".yaml")


@hookimpl
def transform(tree: Tree, context: Context) -> Transformation:
    """Tidy the text files of `tree`; the others come back as they are."""
    chosen = context.config.get("suffixes")
    listed = chosen if isinstance(chosen, list | tuple) else SUFFIXES
    suffixes = tuple(str(one) for one in listed)
    files: list[File] = []
    notes: list[Note] = []
    for number, file in enumerate(tree, 1):
        context.progress(file.path, number / len(tree))
        if file.path.endswith(suffixes):
            try:
                content = tidy(file.content.decode()).encode()
            except UnicodeDecodeError:
                notes.append(Note("warning", file.path, "not UTF-8: left as it was"))
            else:
                file = File(file.path, content, file.executable)
        files.append(file)
    return Transformation(Tree(tuple(files)), notes=tuple(notes))


def tidy(text: str) -> str:
    """`text` without blanks at line ends, with one line feed at its end."""
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\n" for line in lines)

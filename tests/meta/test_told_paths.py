"""Nobody is sent to a file of the repository by what a program says.

A wheel holds no documentation: a message that names a page by its path leads an
installer nowhere. Docstrings are for who reads the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.meta.workspace import members


def told_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each text of `tree` that is used for something."""
    alone = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in alone:
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value


def pages_in(path: Path) -> list[str]:
    """Where the module at `path` says the path of a page, and what."""
    return [
        f"{path}:{line}: {text}"
        for line, text in told_texts(ast.parse(path.read_text("utf-8")))
        if "docs/" in text and ".md" in text
    ]


def test_no_message_names_a_page_by_its_path() -> None:
    found = [
        place
        for member in members()
        for path in sorted((member.folder / "src").rglob("*.py"))
        for place in pages_in(path)
    ]

    assert found == []


def test_a_message_that_does_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""See docs/a.md."""\nREMEDY = f"see docs/{1}.md, docs/a.md"\n')

    (place,) = pages_in(module)
    assert place.startswith(f"{module}:2: ")

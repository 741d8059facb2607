"""A tree in, the same tree formatted out: which file goes to which tool."""

from __future__ import annotations

from pathlib import PurePosixPath

from lockgate.values import Note, Transformation, Tree
from lockgate_format.batch import Programs
from lockgate_format.clang import format_cpp
from lockgate_format.options import FormatOptions
from lockgate_format.ruff import format_python

__all__ = ["format_tree"]

_TOOLS = (
    (format_python, frozenset({".py", ".pyi"})),
    (format_cpp, frozenset({".ino", ".c", ".cc", ".cpp", ".h", ".hpp"})),
)


def format_tree(
    tree: Tree, options: FormatOptions, programs: Programs
) -> Transformation:
    """Format every file of `tree` that a tool knows; the others stay as they are.

    A tool is not started if it has no file, so a tree of Python alone needs no
    clang-format.

    Raises:
        ToolFailedError: If a tool itself broke down.
        PermissionError: If a tool that is needed is not granted.
        FileNotFoundError: If a tool that is needed is not installed.
        TimeoutError: If a tool took too long.
    """
    formatted = tree
    notes: list[Note] = []
    for run, suffixes in _TOOLS:
        files = [file for file in tree if PurePosixPath(file.path).suffix in suffixes]
        if files:
            outcome = run(files, options, programs)
            formatted = formatted.merged(Tree(outcome.changed))
            notes.extend(outcome.notes)
    return Transformation(formatted, notes=tuple(notes))

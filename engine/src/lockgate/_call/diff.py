"""The unified diff between two trees, made by the host so that it can be believed.

A transformer's own word about what it changed is not taken; what `patch -p1`
would apply is worked out from the tree that went in and the one that came back.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from lockgate.values import File, Tree

__all__ = ["tree_diff"]

FILE_LIMIT_LINES = 5000
"""Longer files are only said to differ: difflib may take quadratic time."""


def tree_diff(before: Tree, after: Tree) -> str:
    """What turns `before` into `after`; empty if they are equal."""
    if before == after:
        return ""
    old = {file.path: file for file in before}
    new = {file.path: file for file in after}
    parts: list[str] = []
    for path in sorted(old.keys() | new.keys()):
        parts.extend(_file_diff(path, old.get(path), new.get(path)))
    return "".join(parts)


def _file_diff(path: str, old: File | None, new: File | None) -> Iterator[str]:
    if old is not None and new is not None and old.content == new.content:
        return
    before, after = _lines(old), _lines(new)
    source = f"a/{path}" if old is not None else "/dev/null"
    target = f"b/{path}" if new is not None else "/dev/null"
    if before is None or after is None:
        yield f"Binary files {source} and {target} differ\n"
        return
    if max(len(before), len(after)) > FILE_LIMIT_LINES:
        yield f"Files {source} and {target} differ (too long to compare)\n"
        return
    for line in unified_diff(before, after, source, target):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(file: File | None) -> list[str] | None:
    """The lines of a text; None if it is none. Only a line feed ends one."""
    if file is None:
        return []
    if b"\0" in file.content:
        return None
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    whole = [f"{line}\n" for line in lines[:-1]]
    return [*whole, lines[-1]] if lines[-1] else whole

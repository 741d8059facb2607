"""A unified diff that ``patch -p1`` applies, byte for byte."""

from __future__ import annotations

from difflib import unified_diff

__all__ = ["diff_text"]


def _lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one, as patch sees it."""
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return lines + ([parts[-1]] if parts[-1] else [])


def diff_text(path: str, before: str, after: str) -> str:
    """The change from `before` to `after` of the file at `path`; empty if none."""
    made: list[str] = []
    # A tab ends the name in a header: patch would stop at a space in it otherwise.
    names = (
        (f"a/{path}\t", f"b/{path}\t") if " " in path else (f"a/{path}", f"b/{path}")
    )
    for line in unified_diff(_lines(before), _lines(after), *names):
        made.append(line)
        if not line.endswith("\n"):
            made.append("\n\\ No newline at end of file\n")
    return "".join(made)

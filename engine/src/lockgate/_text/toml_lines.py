"""Where a key stands in a TOML text: the line that an error message names.

tomllib forgets positions once a text is parsed. This scanner does not parse
values; it follows table headers, keys, and how far a value reaches, which is
enough to say on which line ``rights.programs.0.file`` was written. It is only
asked about texts that tomllib has accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["line_of", "lines_of_keys", "statements"]

KeyPath = tuple["str | int", ...]

_KEY_PART = re.compile(
    r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.|=|\]|$)"""
)
_VALUE_MARK = re.compile(
    r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|[\[\]{}]'
)


def line_of(text: str, key: Sequence[str | int]) -> int:
    """The line (from 1) of `key`, or of the nearest table that would hold it.

    Returns:
        0 if not even the first part of `key` is written anywhere.
    """
    known = lines_of_keys(text)
    path = tuple(key)
    while path:
        if path in known:
            return known[path]
        path = path[:-1]
    return 0


def lines_of_keys(text: str) -> dict[KeyPath, int]:
    """The line of each table header and each key; an array of tables by index."""
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in statements(text):
        stripped = line.lstrip()
        if stripped.startswith("["):
            double = stripped.startswith("[[")
            names = _key_parts(stripped[2 if double else 1 :])
            table = _resolve(found, names, number, new_item=double)
            found.setdefault(table, number)
            continue
        path = table
        for name in _key_parts(stripped):
            path = (*path, name)
            found.setdefault(path, number)
    return found


def _resolve(
    found: dict[KeyPath, int], names: Sequence[str], line: int, *, new_item: bool
) -> KeyPath:
    """The path of a header: a name of an array of tables means its last item."""
    path: KeyPath = ()
    for position, name in enumerate(names):
        path = (*path, name)
        found.setdefault(path, line)
        count = 0
        while (*path, count) in found:
            count += 1
        if position == len(names) - 1 and new_item:
            path = (*path, count)
        elif count:
            path = (*path, count - 1)
    return path


def _key_parts(text: str) -> list[str]:
    """The parts of the dotted key that `text` begins with."""
    parts: list[str] = []
    position = 0
    while match := _KEY_PART.match(text, position):
        parts.append(next(part for part in match.groups()[:3] if part is not None))
        position = match.end()
        if match.group(4) != ".":
            break
    return parts


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Each line that begins a header or a key, with its number from 1."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        stripped = line.lstrip()
        if not stripped or stripped.startswith("#"):
            number += 1
            continue
        yield number + 1, line
        number += 1
        if not stripped.startswith("["):
            number += _further_lines(line, lines, number)


def _further_lines(line: str, lines: Sequence[str], start: int) -> int:
    """How many lines from `start` on still belong to the value begun in `line`."""
    _, _, value = line.partition("=")
    depth, quote = _scan_value(value, 0, "")
    used = 0
    while (depth > 0 or quote) and start + used < len(lines):
        depth, quote = _scan_value(lines[start + used], depth, quote)
        used += 1
    return used


def _scan_value(text: str, depth: int, quote: str) -> tuple[int, str]:
    """Follow brackets and multi-line strings through one line."""
    position = 0
    while position < len(text):
        if quote:
            end = text.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        match = _VALUE_MARK.search(text, position)
        if match is None:
            break
        found, position = match.group(), match.end()
        if found in ('"""', "'''"):
            quote = found
        elif found in "[{":
            depth += 1
        elif found in "]}":
            depth -= 1
    return depth, quote

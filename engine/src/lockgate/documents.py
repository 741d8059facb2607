"""Documents that an owner hands in: YAML, JSON and TOML, read with care.

A path argument of a command and ``lockgate run``'s pipeline pass through here
before any plugin sees them. What comes out is plain `Data` of bounded size and
depth; a key that is written twice is refused (one of the two values would be
silently lost), so are YAML tags, and aliases that would blow a document up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, time
from typing import Any, NoReturn, cast

from lockgate._text.files import UnreadableError, read_bounded
from lockgate.errors import DocumentError, UsageError
from lockgate.manifest import DocumentFormat
from lockgate.values import Data

__all__ = [
    "DEPTH_LIMIT",
    "DOCUMENT_LIMIT_BYTES",
    "ITEMS_LIMIT",
    "TEXT_LIMIT_CHARS",
    "format_of",
    "parse_document",
    "read_document",
]

DOCUMENT_LIMIT_BYTES = 4 * 1024 * 1024
DEPTH_LIMIT = 48
"""Lists and objects within each other; the wire holds a little more."""
ITEMS_LIMIT = 200_000
"""Values in one document, each use of a YAML alias counted anew."""
TEXT_LIMIT_CHARS = 2 * DOCUMENT_LIMIT_BYTES
"""Text in one document, likewise: an alias may stand for megabytes of it."""

_NUMBER_LIMIT_BITS = 1024
"""Largest whole number, as large as the largest other one. One of 14,000 bits can't be
shown any more, as TOML's ``0xfff…`` may be: whoever tried would fail."""
_SUFFIXES: Mapping[str, DocumentFormat] = {
    ".json": "json",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def format_of(path: str) -> DocumentFormat:
    """The format that the ending of `path` stands for; ``text`` if none."""
    return _SUFFIXES.get(os.path.splitext(path)[1].lower(), "text")  # noqa: PTH122


def read_document(
    path: str, kind: DocumentFormat, *, limit: int = DOCUMENT_LIMIT_BYTES
) -> Data:
    """The content of the file at `path`, parsed as `kind`; at most `limit` bytes.

    Raises:
        UsageError: If there is no such file, or it cannot be read.
        DocumentError: If it is too large or no document of that format.
    """
    try:
        raw = read_bounded(path, limit)
    except UnreadableError as error:
        if "larger" in str(error):
            raise DocumentError(f"the file {error}", file=path) from None
        raise UsageError(
            f"the file {error}", where=path, hint="Check the path.", file=path
        ) from None
    return parse_document(raw, kind, name=path)


def parse_document(raw: bytes, kind: DocumentFormat, *, name: str) -> Data:
    """Parse `raw` as `kind`; `name` is what errors call it.

    Raises:
        DocumentError: If it is no document of that format, or over a limit.
    """
    if kind == "bytes":
        return raw
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _refuse("is not UTF-8 text", name, line)
    if kind == "text":
        return text
    if kind == "yaml":
        from lockgate._text.yaml import parse_yaml

        return _bounded(parse_yaml(text, name, depth=DEPTH_LIMIT), name)
    parsed = _json(text, name) if kind == "json" else _toml(text, name)
    return _bounded(parsed, name)


def _refuse(message: str, name: str, line: int = 0, column: int = 0) -> NoReturn:
    raise DocumentError(
        f"the document {message}", file=name, line=line, column=column
    ) from None


class _DuplicateKeyError(ValueError):
    """A JSON object holds one key twice."""


def _json(text: str, name: str) -> object:
    import json

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in pairs:
            if key in table:
                raise _DuplicateKeyError(key)
            table[key] = value
        return table

    def no_constant(word: str) -> NoReturn:
        _refuse(f"holds {word}, which is no JSON number", name)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except _DuplicateKeyError as error:
        _refuse(f"holds the key {str(error)!r} twice in one object", name)
    except json.JSONDecodeError as error:
        _refuse(f"is not JSON: {error.msg}", name, error.lineno, error.colno)
    except (RecursionError, ValueError) as error:
        _refuse(_reason(error), name)


def _toml(text: str, name: str) -> object:
    import tomllib

    from lockgate._text.toml import load_toml

    try:
        return load_toml(text)
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).partition(" (at ")
        digits = place.removeprefix("line ").partition(",")[0]
        _refuse(f"is not TOML: {words}", name, int(digits) if digits.isdigit() else 0)
    except (RecursionError, ValueError) as error:
        _refuse(_reason(error), name)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"is nested deeper than {DEPTH_LIMIT} levels"
    return f"holds a number that is too long ({error})"


def _bounded(document: object, name: str) -> Data:
    """Check depth and number of values, and turn dates into their text."""
    waiting: list[tuple[Any, int]] = [(document, 1)]
    count = chars = 0
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > DEPTH_LIMIT:
            _refuse(f"is nested deeper than {DEPTH_LIMIT} levels", name)
        if count > ITEMS_LIMIT:
            _refuse(f"holds more than {ITEMS_LIMIT} values", name)
        chars += _chars(item)
        if isinstance(item, int) and item.bit_length() > _NUMBER_LIMIT_BITS:
            _refuse("holds a number that is too long", name)
        if chars > TEXT_LIMIT_CHARS:
            _refuse(f"holds more than {TEXT_LIMIT_CHARS} characters", name)
        if isinstance(item, dict):
            table = cast("dict[str, Any]", item)
            for key, value in table.items():
                table[key] = _plain(value)
                waiting.append((table[key], depth + 1))
        elif isinstance(item, list):
            values = _items(cast("object", item))
            values[:] = [_plain(value) for value in values]
            waiting.extend((value, depth + 1) for value in values)
    return cast("Data", _plain(document))


def _chars(value: object) -> int:
    """How long a text is, or all keys of an object together."""
    if isinstance(value, dict):
        return sum(map(len, cast("dict[str, Any]", value)))
    return len(value) if isinstance(value, str) else 0


def _items(value: object) -> list[Any]:
    return cast("list[Any]", value)


def _plain(value: object) -> object:
    """TOML's dates and times are no `Data`: they become their ISO text."""
    return value.isoformat() if isinstance(value, date | time) else value

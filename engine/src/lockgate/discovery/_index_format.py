"""The bytes of an index: columns of candidates, columns of stamps, manifests.

Layout, one value a line: a CRC-32 of all that follows; the header (JSON); the
memo of distributions without plugins (JSON); the checked manifests (JSON, one
after the other, found by their length).

Candidates and stamps lie in columns, so that a start with a hundred plugins runs
a few loops in C and one in Python: this is on the path of every command.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from lockgate.discovery._files import Stamp
from lockgate.discovery._state import PluginState

__all__ = ["FORMAT", "Parts", "checksum_holds", "decode", "encode"]

FORMAT = 4

*_FIELDS, _LAST = PluginState.__dataclass_fields__
if _LAST != "manifest_text":
    raise AssertionError("the manifest is the last field: it lies on a line of its own")
_TUPLES = frozenset({"kinds", "path", "requires", "conflicts", "entries"})
_FLAGS = frozenset({"editable", "essential", "recorded"})

Parts = tuple[
    dict[str, Stamp],
    list[PluginState],
    dict[str, int],
    list[str],
    list[list[int]],
    bytes,
]
"""Folders and their stamps; candidates; how many files each location depends on;
those files, location by location; columns of their stamps; the memo's line."""


def encode(key: Sequence[str], parts: Parts) -> bytes:
    """The file's bytes."""
    folders, states, counts, files, marks, memo_line = parts
    texts = [state.manifest_text for state in states]
    header = {
        "key": list(key),
        "folders": folders,
        "states": [[getattr(state, name) for state in states] for name in _FIELDS],
        "manifests": [len(text) for text in texts],
        "counts": counts,
        "files": files,
        "marks": marks,
    }
    line = json.dumps(header, separators=(",", ":")).encode("ascii")
    rest = b"\n".join([line, memo_line, "".join(texts).encode("ascii")])
    return b"%08x\n" % binascii.crc32(rest) + rest


def checksum_holds(raw: bytes) -> bool:
    """Whether nothing of the file was lost or changed since it was written."""
    checksum, _, rest = raw.partition(b"\n")
    return checksum == b"%08x" % binascii.crc32(rest)


def decode(raw: bytes, key: Sequence[str]) -> Parts:
    """Read the bytes of `encode` for the same `key`.

    Raises:
        ValueError, TypeError, KeyError, IndexError: If they are anything else.
    """
    if not checksum_holds(raw):
        raise ValueError("checksum")
    _, header_line, memo_line, manifests = raw.split(b"\n", 3)
    header: dict[str, Any] = json.loads(header_line)
    if header["key"] != list(key):
        raise ValueError("key")
    files: list[str] = header["files"]
    marks: list[list[int]] = header["marks"]
    if [len(column) for column in marks] != [len(files)] * 3:
        raise ValueError("marks")
    folders = {path: (m, s, i) for path, (m, s, i) in header["folders"].items()}
    states = _states(header["states"], header["manifests"], manifests.decode("ascii"))
    return folders, states, header["counts"], files, marks, memo_line


def _states(
    columns: Sequence[list[Any]], lengths: list[int], text: str
) -> list[PluginState]:
    ready: list[Sequence[Any]] = []
    for name, column in zip(_FIELDS, columns, strict=True):
        expected = list if name in _TUPLES else bool if name in _FLAGS else str
        if not set(map(type, column)) <= {expected}:
            raise TypeError(name)
        ready.append(list(map(tuple, column)) if name in _TUPLES else column)
    entries = _FIELDS.index("entries")
    ready[entries] = [
        tuple((group, value) for group, value in row) for row in columns[entries]
    ]
    ends = list(accumulate(lengths))
    texts = [text[end - n : end] for n, end in zip(lengths, ends, strict=True)]
    if len({len(texts), *map(len, ready)}) > 1:
        raise ValueError("columns")
    return list(map(PluginState, *ready, texts))

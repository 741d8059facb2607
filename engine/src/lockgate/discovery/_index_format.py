"""The bytes of an index: stamps first, candidates behind them, each in columns.

Layout: a head (magic, a CRC-32 of the first part and of the rest, the lengths of
what follows); the key; how many watched files each folder of the search path has;
the folders' stamps; the files' stamps; the files' names; the plugins' names. The
rest: the candidates (JSON columns); their checked manifests (JSON, one after the
other, found by their length); the memo of distributions without plugins (JSON).

To know that nothing changed takes the first part alone: the rest is not even read
before somebody asks for it. Names are joined by NUL, which no path holds; what lies
below its folder is written relative to it.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from lockgate.discovery._files import Stamp
from lockgate.discovery._scan import Memo
from lockgate.discovery._state import PluginState

__all__ = [
    "FORMAT",
    "Depends",
    "Found",
    "Stored",
    "checksum_holds",
    "encode",
    "first_length",
]

FORMAT = 6

_HEAD = struct.Struct("<8sII8I")
_MAGIC = b"lockgate"
_CHECKED = 12
"""Where the bytes begin that the first CRC is of; the second one is among them."""
_REST = 6
"""The first part of the rest."""
_MARK = struct.Struct("<qqQ")

*_FIELDS, _LAST = PluginState.__dataclass_fields__
if _LAST != "manifest_text":
    raise AssertionError(
        "the manifest is the last field: it lies in a place of its own"
    )
_TUPLES = frozenset({"kinds", "path", "requires", "conflicts", "entries"})
_FLAGS = frozenset({"editable", "essential", "recorded"})

Depends = dict[str, Stamp]
"""The files that a candidate depends on, and the stamps they had."""


@dataclass(slots=True)
class Found:
    """What one discovery found, before the configuration is applied.

    All but `states` is by folder of the search path; `watched` tells for each
    location in it what its candidates depend on.
    """

    marks: dict[str, Stamp] = field(default_factory=dict[str, Stamp])
    watched: dict[str, list[tuple[str, Depends]]] = field(
        default_factory=dict[str, list[tuple[str, Depends]]]
    )
    states: list[PluginState] = field(default_factory=list[PluginState])
    memos: dict[str, Memo] = field(default_factory=dict[str, Memo])

    def add(
        self, folder: str, states: Sequence[PluginState], location: str, on: Depends
    ) -> None:
        """Take in the candidates at `location` in `folder`, and what they rest on."""
        # No file has a NUL in its name: such a path is nothing to be watched.
        real = {path: mark for path, mark in on.items() if "\0" not in path}
        self.states += states
        self.watched.setdefault(folder, []).append((location, real))


def encode(key: bytes, found: Found, names: Sequence[str]) -> bytes:
    """The file's bytes; `names` are those of the plugins, as they will be listed."""
    import json

    watched = [found.watched.get(folder, []) for folder in found.marks]
    files = [[pair for _, on in group for pair in on.items()] for group in watched]
    texts = [state.manifest_text for state in found.states]
    header = {
        "states": [
            [getattr(state, name) for state in found.states] for name in _FIELDS
        ],
        "manifests": [len(text) for text in texts],
        "counts": [(where, len(on)) for group in watched for where, on in group],
    }
    parts = [
        key,
        struct.pack(f"<{len(files)}I", *map(len, files)),
        _packed(found.marks.values()),
        _packed(mark for group in files for _, mark in group),
        _joined(
            _below(folder, path)
            for folder, group in zip(found.marks, files, strict=True)
            for path, _ in group
        ),
        _joined(names),
        json.dumps(header, separators=(",", ":")).encode("ascii"),
        "".join(texts).encode("ascii"),
        json.dumps(found.memos, separators=(",", ":")).encode("ascii"),
    ]
    # The folders' marks are as many as the counts: their length says nothing new.
    lengths = [len(part) for number, part in enumerate(parts) if number != 2]
    rest = b"".join(parts[_REST:])
    first = struct.pack("<I8I", binascii.crc32(rest), *lengths)
    first += b"".join(parts[:_REST])
    return _MAGIC + binascii.crc32(first).to_bytes(4, "little") + first + rest


def _packed(marks: Iterable[Stamp]) -> bytes:
    return b"".join(_MARK.pack(*mark) for mark in marks)


def _joined(names: Iterable[str]) -> bytes:
    return "\0".join(names).encode("utf-8", "surrogatepass")


def _split(raw: bytes) -> list[str]:
    return raw.decode("utf-8", "surrogatepass").split("\0") if raw else []


def _below(folder: str, path: str) -> str:
    """`path` relative to `folder` if it lies below it."""
    rest = path.removeprefix(f"{folder}/")
    return path if rest.startswith("/") or not rest else rest


def first_length(head: bytes) -> int:
    """How long the first part is, head and all; 0 if `head` is none of ours."""
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        return 0
    sizes: tuple[int, ...] = _HEAD.unpack_from(head)[3:]
    return _HEAD.size + sum(sizes[:5]) + sizes[1] // 4 * _MARK.size


def checksum_holds(raw: bytes) -> bool:
    """Whether nothing of the file was lost or changed since it was written."""
    length = first_length(raw)
    if not length or len(raw) < length or not _first_holds(raw[:length]):
        return False
    stored: int = _HEAD.unpack_from(raw)[2]
    return stored == binascii.crc32(raw[length:])


def _first_holds(first: bytes) -> bool:
    stored = int.from_bytes(first[8:_CHECKED], "little")
    return stored == binascii.crc32(first[_CHECKED:])


class Stored:
    """An index as it was read: what is asked for is decoded then.

    `first` is its first part; `whole` reads the file, for when the rest is needed.

    Raises:
        ValueError: If `first` is not of the index for `key`. The other methods
            raise it too, or TypeError, KeyError, IndexError or RuntimeError, if
            the file was replaced or holds something else than `encode` writes.
    """

    __slots__ = ("_counts", "_ends", "_first", "_rest", "_whole")

    def __init__(self, first: bytes, key: bytes, whole: Callable[[], bytes]) -> None:
        if not first or not _first_holds(first):
            raise ValueError("checksum")
        _, _, _, *sizes = _HEAD.unpack_from(first)
        folders = sizes[1] // 4
        sizes.insert(2, folders * _MARK.size)
        ends = list(accumulate(sizes, initial=_HEAD.size))
        if ends[_REST] != len(first) or first[ends[0] : ends[1]] != key:
            raise ValueError("key")
        self._first = first
        self._ends = ends
        self._counts = struct.unpack_from(f"<{folders}I", first, ends[1])
        self._whole = whole
        self._rest = b""

    def _part(self, number: int) -> bytes:
        start, end = self._ends[number], self._ends[number + 1]
        if number < _REST:
            return self._first[start:end]
        if not self._rest:
            raw = self._whole()
            if not raw.startswith(self._first) or not checksum_holds(raw):
                raise ValueError("rest")
            self._rest = raw
        return self._rest[start:end]

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins' names, in the order in which they are listed."""
        return tuple(_split(self._part(5)))

    def folder_marks(self) -> Iterator[tuple[int, ...]]:
        """The stamp of each folder of the search path."""
        return _MARK.iter_unpack(self._part(2))

    def watched(self) -> tuple[tuple[int, ...], list[str], Iterator[tuple[int, ...]]]:
        """How many files each folder has, their names, their stamps."""
        names, marks = _split(self._part(4)), self._part(3)
        if sum(self._counts) != len(names) or len(marks) != len(names) * _MARK.size:
            raise ValueError("marks")
        return self._counts, names, _MARK.iter_unpack(marks)

    def states(self) -> list[PluginState]:
        """The candidates, before the configuration is applied."""
        header = self._header()
        text = self._part(7).decode("ascii")
        return _states(header["states"], header["manifests"], text)

    def depends(self, search: Sequence[str]) -> dict[str, Depends]:
        """For each location, what its candidates depend on."""
        counts, names, marks = self.watched()
        paths = iter(names)
        pairs = [
            (name if name.startswith("/") else f"{folder}/{name}", next(marks))
            for folder, count in zip(search, counts, strict=True)
            for name in (next(paths) for _ in range(count))
        ]
        following = iter(pairs)
        return {
            location: {
                path: (mark[0], mark[1], mark[2])
                for path, mark in (next(following) for _ in range(count))
            }
            for location, count in self._header()["counts"]
        }

    def memos(self) -> dict[str, Memo]:
        """For each folder, its distributions without plugins."""
        import json

        memos: dict[str, Memo] = json.loads(self._part(8))
        return memos

    def _header(self) -> dict[str, Any]:
        import json

        header: dict[str, Any] = json.loads(self._part(6))
        return header


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

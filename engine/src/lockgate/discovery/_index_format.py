"""The bytes of an index: stamps first, candidates behind them, each in columns.

Layout: a head (magic, a CRC-32 of the first part and of the rest, the length of the
first part, the lengths of what follows); the key; how many files the names rest on
in each folder of the search path; the folders' stamps; the files' stamps; the files'
names; the plugins' names. The rest: the same three of the other watched files; the
candidates (JSON columns); their checked manifests (JSON, one after the other, found
by their length); the memo of distributions without plugins (JSON).

To know the plugins' names takes the first part alone: the rest is not even read
before somebody asks for their states. Names are joined by NUL, which no path holds;
what lies below its folder is written relative to it.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any

from lockgate._text.files import Stamp
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

FORMAT = 12

_PARTS = 12
_REST = 6
"""The first part of the rest."""
_HEAD = struct.Struct(f"<8sIII{_PARTS}I")
_MAGIC = b"lockgate"
_CHECKED = 12
"""Where the bytes begin that the first CRC is of; the second one is among them."""
_LENGTH = 16
"""Where the length of the first part stands, in four bytes."""
_MARK = struct.Struct("<qqQ")

*_FIELDS, _LAST = PluginState.__dataclass_fields__
if _LAST != "manifest_text":
    raise AssertionError(
        "the manifest is the last field: it lies in a place of its own"
    )
_TUPLES = frozenset(
    {"kinds", "path", "requires", "conflicts", "entries", "environment"}
)
_FLAGS = frozenset({"editable", "essential", "recorded", "stored"})
_NUMBERS = frozenset({"since"})

Depends = dict[str, Stamp]
"""The files that a candidate depends on, and the stamps they had."""

Group = tuple[Sequence[int], list[bytes], Iterator[tuple[int, ...]]]
"""Watched files: how many each folder has, their names, their stamps."""


@dataclass(slots=True)
class Found:
    """What one discovery found, before the configuration is applied.

    All but `states` is by folder of the search path; `watched` tells for each
    location in it what its candidates depend on: first what decides how they are
    called, then what else decides the state that they are in.
    """

    marks: dict[str, Stamp] = field(default_factory=dict[str, Stamp])
    watched: dict[str, list[tuple[str, Depends, Depends]]] = field(
        default_factory=dict[str, list[tuple[str, Depends, Depends]]]
    )
    states: list[PluginState] = field(default_factory=list[PluginState])
    memos: dict[str, Memo] = field(default_factory=dict[str, Memo])

    def add(
        self,
        folder: str,
        states: Sequence[PluginState],
        location: str,
        on: Depends,
        *,
        early: Collection[str] = (),
    ) -> None:
        """Take in the candidates at `location` in `folder`, and what they rest on.

        Their names rest on `early`, too, where a RECORD vouches for their files.
        """
        # No file has a NUL in its name: such a path is nothing to be watched.
        real = {path: mark for path, mark in on.items() if "\0" not in path}
        self.states += states
        first, then = real, Depends()
        if all(state.recorded and not state.editable for state in states):
            # A wheel lies where it was installed: no manifest decides that.
            names = {f"{location}/entry_points.txt", *early}
            first = {path: mark for path, mark in real.items() if path in names}
            then = {path: mark for path, mark in real.items() if path not in names}
        self.watched.setdefault(folder, []).append((location, first, then))


def encode(key: bytes, found: Found, names: Sequence[str]) -> bytes:
    """The file's bytes; `names` are those of the plugins, as they will be listed."""
    import json

    watched = [found.watched.get(folder, []) for folder in found.marks]
    texts = [state.manifest_text for state in found.states]
    header = {
        "states": [
            _column([getattr(state, name) for state in found.states])
            for name in _FIELDS
        ],
        "manifests": [len(text) for text in texts],
        "counts": [
            (where, len(first), len(then))
            for group in watched
            for where, first, then in group
        ],
    }
    counts, marks, paths = _group(found, 0)
    parts = [
        key,
        counts,
        _packed(found.marks.values()),
        marks,
        paths,
        _joined(names),
        *_group(found, 1),
        json.dumps(header, separators=(",", ":")).encode("ascii"),
        "".join(texts).encode("ascii"),
        json.dumps(found.memos, separators=(",", ":")).encode("ascii"),
    ]
    rest = b"".join(parts[_REST:])
    first = b"".join(parts[:_REST])
    numbers = binascii.crc32(rest), _HEAD.size + len(first), *map(len, parts)
    first = struct.pack(f"<II{_PARTS}I", *numbers) + first
    return _MAGIC + binascii.crc32(first).to_bytes(4, "little") + first + rest


def _column(values: list[Any]) -> list[Any]:
    """The values; one of them if all are the same, as many are."""
    return values[:1] if all(value == values[0] for value in values) else values


def _group(found: Found, which: int) -> tuple[bytes, bytes, bytes]:
    """Counts, stamps and names of the watched files that are first or second."""
    files = [
        [pair for _, *on in found.watched.get(folder, []) for pair in on[which].items()]
        for folder in found.marks
    ]
    names = (
        _below(folder, path)
        for folder, group in zip(found.marks, files, strict=True)
        for path, _ in group
    )
    marks = _packed(mark for group in files for _, mark in group)
    return struct.pack(f"<{len(files)}I", *map(len, files)), marks, _joined(names)


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
    return int.from_bytes(head[_LENGTH : _LENGTH + 4], "little")


def checksum_holds(raw: bytes) -> bool:
    """Whether nothing of the file was lost or changed since it was written."""
    length = first_length(raw)
    if not _HEAD.size <= length <= len(raw):
        return False
    _, first, rest, *_ = _HEAD.unpack_from(raw)
    return bool(
        first == binascii.crc32(raw[_CHECKED:length])
        and rest == binascii.crc32(raw[length:])
    )


class Stored:
    """An index as it was read: what is asked for is decoded then.

    `first` is its first part; `whole` reads the file, for when the rest is needed.

    Raises:
        ValueError: If `first` is not of the index for `key`. The other methods
            raise it too, or TypeError, KeyError, IndexError or RuntimeError, if
            the file was replaced or holds something else than `encode` writes.
    """

    __slots__ = ("_first", "_parts", "_sizes", "_whole")

    def __init__(self, first: bytes, key: bytes, whole: Callable[[], bytes]) -> None:
        if len(first) < _HEAD.size:
            raise ValueError("short")
        _, crc, _, _, *self._sizes = _HEAD.unpack_from(first)
        if crc != binascii.crc32(first[_CHECKED:]):
            raise ValueError("checksum")
        self._parts: list[bytes] = []
        start = _HEAD.size
        for size in self._sizes[:_REST]:
            self._parts.append(first[start : start + size])
            start += size
        if start != len(first) or self._parts[0] != key:
            raise ValueError("key")
        self._first = first
        self._whole = whole

    def _part(self, number: int) -> bytes:
        if number >= len(self._parts):
            raw = self._whole()
            if not raw.startswith(self._first) or not checksum_holds(raw):
                raise ValueError("rest")
            start = len(self._first)
            for size in self._sizes[_REST:]:
                self._parts.append(raw[start : start + size])
                start += size
        return self._parts[number]

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins' names, in the order in which they are listed."""
        return tuple(_split(self._part(5)))

    def folder_marks(self) -> Iterator[tuple[int, ...]]:
        """The stamp of each folder of the search path."""
        return _MARK.iter_unpack(self._part(2))

    def names_rest_on(self) -> Group:
        """The files that decide how the plugins are called."""
        return self._group(self._part(1), self._part(3), self._part(4))

    def states_rest_on(self) -> Group:
        """The other files, which decide the state that each is in."""
        return self._group(self._part(6), self._part(7), self._part(8))

    def _group(self, packed: bytes, marks: bytes, joined: bytes) -> Group:
        counts = struct.unpack(f"<{len(packed) // 4}I", packed)
        names = joined.split(b"\0") if joined else []
        if sum(counts) != len(names) or len(marks) != len(names) * _MARK.size:
            raise ValueError("marks")
        return counts, names, _MARK.iter_unpack(marks)

    def states(self) -> list[PluginState]:
        """The candidates, before the configuration is applied."""
        header = self._header()
        text = self._part(10).decode("ascii")
        return _states(header["states"], header["manifests"], text)

    def depends(self, search: Sequence[str]) -> dict[str, Depends]:
        """For each location, what its candidates depend on."""
        early = _paths(search, self.names_rest_on())
        late = _paths(search, self.states_rest_on())
        return {
            location: dict([*islice(early, first), *islice(late, then)])
            for location, first, then in self._header()["counts"]
        }

    def memos(self) -> dict[str, Memo]:
        """For each folder, its distributions without plugins."""
        import json

        memos: dict[str, Memo] = json.loads(self._part(11))
        return memos

    def _header(self) -> dict[str, Any]:
        import json

        header: dict[str, Any] = json.loads(self._part(9))
        return header


def _paths(search: Sequence[str], group: Group) -> Iterator[tuple[str, Stamp]]:
    """Each file of a group by its path, with its stamp."""
    counts, names, marks = group
    following = iter(names)
    for folder, count in zip(search, counts, strict=True):
        for raw in islice(following, count):
            name, mark = raw.decode("utf-8", "surrogatepass"), next(marks)
            path = name if name.startswith("/") else f"{folder}/{name}"
            yield path, (mark[0], mark[1], mark[2])


def _states(
    columns: Sequence[list[Any]], lengths: list[int], text: str
) -> list[PluginState]:
    ends = list(accumulate(lengths))
    texts = [text[end - n : end] for n, end in zip(lengths, ends, strict=True)]
    states = [object.__new__(PluginState) for _ in texts]
    for name, column in zip(_FIELDS, columns, strict=True):
        _fill(states, name, column if len(column) != 1 else column * len(states))
    _fill(states, _LAST, texts)
    return states


def _fill(states: Sequence[PluginState], name: str, column: Sequence[Any]) -> None:
    """Set one field of all `states`, past the lock of a frozen class.

    Its constructor takes ten times as long, and this is on the way of every command.
    """
    expected: type = list if name in _TUPLES else bool if name in _FLAGS else str
    if name in _NUMBERS:
        expected = int
    if len(column) != len(states) or not set(map(type, column)) <= {expected}:
        raise TypeError(name)
    if name == "entries":
        column = [tuple((group, value) for group, value in row) for row in column]
    elif name in _TUPLES:
        column = list(map(tuple, column))
    put = vars(PluginState)[name].__set__
    for state, value in zip(states, column, strict=True):
        put(state, value)

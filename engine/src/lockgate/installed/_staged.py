"""Releases that are kept and not in force: they ask for rights nobody agreed to yet.

The file ``DATA/store/staged.json``, whole or absent. It gives nothing: a release
comes into force by being judged again, with its owner's consent. A row that the
generation in force has overtaken (another release was installed, or the very same, or
none is any more) waits for nobody, and is dropped when the file is next written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lockgate.installed._format import (
    ENTRY_KEYS,
    MAYBE_KEYS,
    SCHEMA,
    TIME,
    Generation,
    Installed,
    by_name,
    document,
    entry_data,
    matching,
    read_entry,
    refusing,
    rows,
    table,
)

__all__ = ["Staged", "still_waiting", "to_bytes"]

_KEYS = frozenset({"schema", "staged"})
_ROW_KEYS = ENTRY_KEYS | {"at", "before", "index", "asks"}
_RIGHT = re.compile(r"[^\x00-\x20\x7f-\x9f]{1,1000}")
_INDEX = re.compile(r"[a-z0-9-]{0,64}")
_BEFORE = re.compile(r"(?:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Staged:
    """A release that lies in the store and waits for its owner's consent."""

    entry: Installed
    before: str
    """The SHA-256 of the wheel that is in force for it meanwhile; empty if that is not
    in the store."""
    asks: tuple[str, ...]
    """The keys of the rights that nobody agreed to, in order."""
    index: str
    """Where it came from; empty for a file that somebody chose."""
    at: str
    """When it was put there (RFC 3339, UTC)."""

    def to_dict(self) -> dict[str, object]:
        """As ``--json`` prints it."""
        return {
            "version": self.entry.version,
            "asks": list(self.asks),
            "index": self.index,
            "at": self.at,
        }


def still_waiting(staged: Iterable[Staged], now: Generation) -> tuple[Staged, ...]:
    """Those whose distribution is installed as it was when they were put there."""
    return tuple(
        one for one in staged if _wheel_of(now, one.entry.distribution) == one.before
    )


def _wheel_of(now: Generation, distribution: str) -> str:
    entry = now.get(distribution)
    return entry.wheels[0].sha256 if entry is not None else ""


def to_bytes(staged: Iterable[Staged]) -> bytes:
    """The file. `parse` of it gives the same, by distribution.

    Raises:
        InstalledError: If it is none that could be read again.
    """
    import json

    ordered = sorted(staged, key=lambda one: one.entry.distribution)
    data = {
        one.entry.distribution: {
            **entry_data(one.entry),
            "at": one.at,
            "before": one.before,
            "index": one.index,
            "asks": list(one.asks),
        }
        for one in ordered
    }
    whole = {"schema": SCHEMA, "staged": data}
    raw = json.dumps(whole, indent=1).encode("ascii") + b"\n"
    parse(raw, file="staged.json")
    return raw


def parse(raw: bytes, *, file: str) -> tuple[Staged, ...]:
    """What `raw` holds; `file` is for errors.

    Raises:
        InstalledError: If it holds anything else.
    """
    with refusing(file):
        found = document(raw, _KEYS)
        return tuple(
            _staged(name, given) for name, given in by_name(found["staged"], "it")
        )


def _staged(name: str, given: object) -> Staged:
    row = table(given, _ROW_KEYS, name, maybe=MAYBE_KEYS)
    return Staged(
        read_entry(name, row),
        matching(row["before"], _BEFORE, "SHA-256"),
        tuple(matching(key, _RIGHT, "right") for key in rows(row["asks"])),
        matching(row["index"], _INDEX, "index"),
        matching(row["at"], TIME, "time"),
    )

"""Findings by the hash of what they were found in.

The key is the content's SHA-256, how the file is read, the limits, and the
version of the rules: the same bytes never have two answers. In memory, and if a
file is given, kept from one process to the next.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import msgspec

from lockgate_sandbox._whole import write_whole
from lockgate_sandbox.source import _registry as registry
from lockgate_sandbox.source.findings import FileScan, Finding
from lockgate_sandbox.source.limits import ScanLimits

__all__ = ["ScanCache"]

_ENTRIES = 50_000
_FILE_LIMIT_BYTES = 256 << 20

_Key = tuple[str, str, ScanLimits]


class _Row(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    digest: str
    kind: str
    limits: ScanLimits
    findings: tuple[Finding, ...]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    rules: str
    rows: list[_Row]


class ScanCache:
    """Remembers what was found. Thread-safe.

    With `file`, what an earlier process saved there is read, and `save` writes it:
    whole, or not at all. A file that is damaged, of other rules or not ours is as
    good as none. Who can write the file can hide findings: keep it where only its
    owner writes.
    """

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        self._file = None if file is None else Path(file)
        self._lock = threading.Lock()
        self._known: dict[_Key, FileScan] = {}
        self._changed = False
        if self._file is not None:
            self._load(self._file)

    def __len__(self) -> int:
        return len(self._known)

    def get(
        self, digest: str, kind: str, limits: ScanLimits, path: str
    ) -> FileScan | None:
        """What was found in these bytes, as found at `path`."""
        known = self._known.get((digest, kind, limits))
        if known is None or known.path == path:
            return known
        moved = tuple(replace(finding, path=path) for finding in known.findings)
        return replace(known, path=path, findings=moved)

    def put(self, kind: str, limits: ScanLimits, scan: FileScan) -> None:
        """Remember `scan`; the oldest entry makes room."""
        with self._lock:
            if len(self._known) >= _ENTRIES:
                del self._known[next(iter(self._known))]
            self._known[scan.sha256, kind, limits] = scan
            self._changed = True

    def _load(self, file: Path) -> None:
        try:
            with file.open("rb") as opened:
                raw = opened.read(_FILE_LIMIT_BYTES)
            document = msgspec.msgpack.decode(raw, type=_Document)
        except (OSError, ValueError, RecursionError):
            return  # msgspec's errors are ValueErrors, PolicyError too
        if document.rules != registry.rules_version():
            return
        for row in document.rows[:_ENTRIES]:
            path = row.findings[0].path if row.findings else ""
            scan = FileScan(path, row.digest, row.findings)
            self._known[row.digest, row.kind, row.limits] = scan

    def save(self) -> None:
        """Write the file, if there is one and anything is new.

        Raises:
            OSError: If it can't be written; what was there is still there.
        """
        if self._file is None or not self._changed:
            return
        with self._lock:
            rows = [
                _Row(digest, kind, limits, scan.findings)
                for (digest, kind, limits), scan in self._known.items()
            ]
            self._changed = False
        document = _Document(registry.rules_version(), rows)
        write_whole(self._file, msgspec.msgpack.encode(document))

"""Verdicts that were reached before, by what they are of and by who read it.

A verdict says that a stranger's code may be installed, so a file is believed only if
nobody but its owner can have written it (`lockgate.owned`), and only if it is of this
wheel, beside this manifest, and of these very readers. Whatever else lies there is as
good as absent, and the wheel is read again.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lockgate.owned import NotOwnedError, foreign_writer, read_owned, replace_whole
from lockgate.values import Finding
from lockgate_marketplace.scan._verdict import Verdict

__all__ = ["VerdictCache"]

_SCHEMA = 1
_SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_COUNT_LIMIT = 4096


class _Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `Verdict`, of which no part may be left out."""

    undeclared: tuple[Finding, ...]
    opaque: tuple[Finding, ...]
    notes: tuple[Finding, ...]


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    subject: str
    scanner: str
    verdict: _Parts


_DECODER = msgspec.json.Decoder(_Kept)
"""Checks each field's type while it reads: a verdict may have hundreds of findings."""


@dataclass(frozen=True, slots=True)
class VerdictCache:
    """A folder with one file for each wheel and manifest; it need not exist."""

    folder: Path

    @classmethod
    def below(cls, data: Path) -> VerdictCache:
        """The one of the engine's data folder."""
        return cls(data / "verdicts")

    def get(self, subject: str, scanner: str) -> Verdict | None:
        """What `scanner` said of `subject` (hashes in a row); None if nobody knows."""
        try:
            if foreign_writer(self.folder) is not None:
                return None
            raw = read_owned(self._path(subject), _SIZE_LIMIT_BYTES)
            head, _, body = raw.partition(b"\n")
            if head.decode() != hashlib.sha256(body).hexdigest():
                return None
            kept = _DECODER.decode(body)
        except (OSError, NotOwnedError, ValueError, RecursionError):
            return None
        if (kept.schema, kept.subject, kept.scanner) != (_SCHEMA, subject, scanner):
            return None
        said = kept.verdict
        return Verdict(said.undeclared, said.opaque, said.notes)

    def put(self, subject: str, scanner: str, verdict: Verdict) -> None:
        """Keep a verdict. One that can't be kept is no error: it is reached again.

        Nothing is made where nothing of lockgate's is yet.
        """
        parts = _Parts(verdict.undeclared, verdict.opaque, verdict.notes)
        body = msgspec.json.encode(_Kept(_SCHEMA, subject, scanner, parts))
        raw = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        if len(raw) > _SIZE_LIMIT_BYTES or not self.folder.parent.is_dir():
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            if foreign_writer(self.folder) is None:
                self._make_room()
                replace_whole(self._path(subject), raw)

    def _make_room(self) -> None:
        """Take the oldest half away, once there are too many."""
        kept = list(self.folder.iterdir())
        if len(kept) >= _COUNT_LIMIT:
            kept.sort(key=lambda path: path.lstat().st_mtime)
            for path in kept[: _COUNT_LIMIT // 2]:
                path.unlink(missing_ok=True)

    def _path(self, subject: str) -> Path:
        return self.folder / f"{subject}.json"

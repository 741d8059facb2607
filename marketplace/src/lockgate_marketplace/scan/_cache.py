"""Verdicts that were reached before, by what they are of and by who read it.

A verdict says that a stranger's code may be installed, so a file is believed only if
nobody but its owner can have written it (`lockgate.owned`), and only if it is of this
wheel, beside this manifest, and of these very readers. Whatever else lies there is as
good as absent, and the wheel is read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.owned import NotOwnedError, foreign_writer, read_owned, replace_whole
from lockgate_marketplace.scan._verdict import Verdict

__all__ = ["VerdictCache"]

_SCHEMA = 1
_SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_COUNT_LIMIT = 4096


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
            table: dict[str, Any] = json.loads(body)
            who = (table["schema"], table["subject"], table["scanner"])
            if who != (_SCHEMA, subject, scanner):
                return None
            return Verdict.from_data(table["verdict"])
        except (OSError, NotOwnedError, ValueError, TypeError, KeyError):
            return None
        except (AttributeError, RecursionError):
            return None

    def put(self, subject: str, scanner: str, verdict: Verdict) -> None:
        """Keep a verdict. One that can't be kept is no error: it is reached again.

        Nothing is made where nothing of lockgate's is yet.
        """
        table = {
            "schema": _SCHEMA,
            "subject": subject,
            "scanner": scanner,
            "verdict": verdict.to_data(),
        }
        body = json.dumps(table, sort_keys=True).encode()
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

"""Answers kept on disk, each with its hash, for revalidation.

An entry is never used without asking the server, unless its name is the hash of
what it holds. One that was damaged, or that another user could have written, is as
good as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from lockgate.owned import NotOwnedError, foreign_writer, read_owned

__all__ = ["Cache", "Kept"]

_HEAD_BYTES = 1 << 14
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was kept."""

    url: str
    etag: str
    modified: str
    kind: str
    """Its content type."""
    serial: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of answers, for its owner alone."""

    folder: Path
    limit_bytes: int

    def get(self, key: str, largest: int) -> Kept | None:
        """The entry `key`, if it is sound."""
        try:
            # Its files may be ours and their places not: what answers to a key is
            # whatever was moved there.
            if foreign_writer(self.folder) is not None:
                return None
            raw = read_owned(self._path(key), largest + _HEAD_BYTES)
            head, _, content = raw.partition(b"\n")
            fields = json.loads(head)
            if fields.pop("format") != _FORMAT or fields.pop("key") != key:
                return None
            if fields.pop("sha256") != hashlib.sha256(content).hexdigest():
                return None
            return Kept(**fields, content=content)
        except (
            OSError,
            NotOwnedError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ):
            return None

    def put(self, key: str, kept: Kept) -> None:
        """Keep an answer; a cache that can't be written is none, and no error."""
        fields = asdict(kept)
        content: bytes = fields.pop("content")
        fields |= {"format": _FORMAT, "key": key}
        fields["sha256"] = hashlib.sha256(content).hexdigest()
        path = self._path(key)
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if foreign_writer(self.folder) is not None:
                return
            path.parent.mkdir(mode=0o700, exist_ok=True)
            # Not synced: what a crash tears, its hash gives away.
            aside = path.with_name(
                f".{path.name}.{os.getpid()}.{threading.get_ident()}"
            )
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
                file.write(json.dumps(fields).encode() + b"\n" + content)
            aside.replace(path)

    def drop(self, key: str) -> None:
        """Keep the entry `key` no longer."""
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def trim(self) -> None:
        """Drop what was not written for longest, until the rest is within the limit."""
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / name[:2] / name[2:]

"""What an unpacked wheel says of itself: ``wheel.json``, bound by its own hash.

The file lists every file of the wheel with its SHA-256, and begins with the SHA-256 of
all that follows in it. So whoever re-hashes the files need believe nothing, and a
file that was cut off or edited does not pass for a record.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lockgate.owned import NotOwnedError, read_owned
from lockgate_marketplace.errors import StoreError

__all__ = [
    "RECORD",
    "StoredFile",
    "StoredWheel",
    "parse_record",
    "read_record",
    "record_bytes",
]

RECORD = "wheel.json"
_SCHEMA = 1
_LIMIT_BYTES = 32 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("sha256", "name", "version", "filename")
_LISTS = ("requires", "modules")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: its path below the wheel's folder (``site/…``, ``bin/…``)."""

    path: str
    size: int
    sha256: str
    executable: bool

    @property
    def mode(self) -> int:
        """The permission bits that it has."""
        return 0o555 if self.executable else 0o444


@dataclass(frozen=True, slots=True)
class StoredWheel:
    """A wheel that lies unpacked in `folder`; `sha256` is its file's.

    `size` is what its files take (bytes), `requires` its ``Requires-Dist``, `modules`
    the modules that it brings (`lockgate_marketplace.wheel.Wheel.modules`).
    """

    sha256: str
    name: str
    version: str
    filename: str
    folder: Path
    files: tuple[StoredFile, ...]
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    @property
    def site(self) -> Path:
        """What Python imports from."""
        return self.folder / "site"

    @property
    def bin(self) -> Path:
        """Where its programs are, if it has any."""
        return self.folder / "bin"

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)


def record_bytes(wheel: StoredWheel) -> bytes:
    """The file ``wheel.json`` of a wheel."""
    body = {
        "schema": _SCHEMA,
        "sha256": wheel.sha256,
        "name": wheel.name,
        "version": wheel.version,
        "filename": wheel.filename,
        "requires": list(wheel.requires),
        "modules": list(wheel.modules),
        "files": [[f.path, f.size, f.sha256, f.executable] for f in wheel.files],
    }
    text = json.dumps(body, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"digest":"{digest}",{text[1:]}\n'.encode()


_HEAD = re.compile(rb'\{"digest":"([0-9a-f]{64})",')


def read_record(folder: Path) -> StoredWheel:
    """The wheel in `folder`, as it says itself; its files are not looked at.

    Raises:
        StoreError: ``store-wheel-missing`` if there is none, ``store-record`` if its
            record is not what was written.
    """
    file = folder / RECORD
    try:
        raw = read_owned(file, _LIMIT_BYTES)
    except FileNotFoundError:
        message = f"the store has no wheel {folder.name}"
        raise StoreError("store-wheel-missing", message, where=str(folder)) from None
    except (OSError, NotOwnedError) as error:
        raise StoreError("store-record", str(error), where=str(file)) from None
    try:
        return parse_record(raw, folder)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        message = f"the wheel's record is not what was written: {error}"
        raise StoreError("store-record", message, where=str(file)) from None


def parse_record(raw: bytes, folder: Path) -> StoredWheel:
    """The wheel in `folder` that the bytes of its record describe.

    Raises:
        ValueError, TypeError, KeyError: If `record_bytes` did not write them.
    """
    head = _HEAD.match(raw)
    if head is None:
        raise ValueError("it does not begin with its hash")
    text = b"{" + raw[head.end() :].removesuffix(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != head[1]:
        raise ValueError("its hash is another")
    table = cast("Mapping[str, Any]", json.loads(text))
    if table["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {table['schema']!r:.20}")
    texts = {key: table[key] for key in _TEXTS}
    lists = {key: tuple(table[key]) for key in _LISTS}
    every = [*texts.values(), *lists["requires"], *lists["modules"]]
    if not all(isinstance(value, str) for value in every):
        raise TypeError("a text is missing")
    if table["sha256"] != folder.name:
        raise ValueError(f"it is of the wheel {table['sha256']!r:.70}")
    return StoredWheel(
        folder.name,
        texts["name"],
        texts["version"],
        texts["filename"],
        folder,
        tuple(_files(table["files"])),
        lists["requires"],
        lists["modules"],
    )


def _files(rows: list[list[Any]]) -> Iterator[StoredFile]:
    for path, size, digest, executable in rows:
        parts = path.split("/")
        if parts[0] not in ("site", "bin") or len(parts) < 2:
            raise ValueError(f"{path!r:.80} is no file of site or bin")
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise ValueError(f"{path!r:.80} is no plain path")
        if not _SHA256.fullmatch(digest) or type(size) is not int or size < 0:
            raise ValueError(f"{path!r:.80} has no size or hash")
        yield StoredFile(path, size, digest, bool(executable))

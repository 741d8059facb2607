"""A file that is being downloaded: a prefix that a later attempt goes on from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lockgate_marketplace.errors import FetchError

__all__ = ["Part", "opened"]

_PIECE = 1 << 20
_VALIDATOR_BYTES = 300


class Part:
    """The bytes so far and their running hash. Locked: one process writes it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.hash = hashlib.sha256()
        self.size = 0

    @property
    def _note(self) -> Path:
        return self._path.with_suffix(".etag")

    @property
    def validator(self) -> str:
        """The strong ETag that the prefix came with, or ``""``."""
        with contextlib.suppress(OSError):
            return self._note.read_text("latin-1")[:_VALIDATOR_BYTES]
        return ""

    def resume(self) -> None:
        """Hash the prefix that an earlier attempt left."""
        self._file.seek(0)
        self.hash, self.size = hashlib.sha256(), 0
        while piece := self._file.read(_PIECE):
            self.hash.update(piece)
            self.size += len(piece)

    def begin(self, validator: str) -> None:
        """Forget the prefix; what comes now is the file from its first byte."""
        self._file.seek(0)
        self._file.truncate()
        self.hash, self.size = hashlib.sha256(), 0
        self._note.unlink(missing_ok=True)
        strong = validator.startswith('"') and len(validator) < _VALIDATOR_BYTES
        if strong:
            self._note.write_text(validator, "latin-1")

    def add(self, piece: bytes) -> None:
        """Append what came."""
        self._file.write(piece)
        self.hash.update(piece)
        self.size += len(piece)

    def finish(self, to: Path) -> None:
        """Put the file in its place, whole."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(to)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Generator[Part]:
    """The part at `path`, for this process alone; waits while another has it.

    Raises:
        FetchError: If it can't be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        while True:
            with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_still(file, path):
                    continue  # another one finished it while we waited
                yield Part(file, path)
                return
    except OSError as error:
        message = f"{path.name} cannot be written: {error.strerror or error}"
        raise FetchError("fetch-disk", message, where=str(path.parent)) from None


def _is_still(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False

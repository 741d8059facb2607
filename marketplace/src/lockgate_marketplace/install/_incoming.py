"""The folder that downloads come into: private, and nothing in it is ever run.

A file stays here only while it is judged, and while its owner is asked. What a killed
or cut-off download left is gone on with by the next one; what nobody came back for is
swept after a week.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from lockgate.owned import foreign_writer
from lockgate_marketplace.errors import FetchError

__all__ = ["Incoming"]

_LEFT_SECONDS = 7 * 24 * 3600


class Incoming:
    """The folder `folder`, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def below(cls, data: Path) -> Incoming:
        """The one of the engine's data folder."""
        return cls(data / "cache" / "incoming")

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep what comes in from being taken away by others, who may hold it too.

        Raises:
            FetchError: ``fetch-disk`` if it can't be made, or others may write to it.
        """
        lock = self._open()
        try:
            if _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                self._sweep(time.time() - _LEFT_SECONDS)
            _locked(lock, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock)

    def place(self, index: str, filename: str) -> Path:
        """Where a file of an index goes; its folder is there.

        Raises:
            FetchError: ``fetch-disk`` if it can't be made.
        """
        # Both are checked where they enter: neither has a slash, or begins with a dot.
        folder = self.folder / index
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from None
        return folder / filename

    def discard(self, files: Iterable[Path]) -> None:
        """Take files away, unless another installation has them in its hands."""
        lock = self._open()
        try:
            if _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                for path in files:
                    with contextlib.suppress(OSError):
                        path.unlink()
        finally:
            os.close(lock)

    def _open(self) -> int:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            other = foreign_writer(self.folder)
            if other is not None:
                raise FetchError(
                    "fetch-disk", str(other), where=str(self.folder), hint=other.hint
                )
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            return os.open(self.folder / ".lock", flags, 0o600)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> FetchError:
        message = f"{self.folder} cannot be used: {error.strerror}"
        return FetchError("fetch-disk", message, where=str(self.folder))

    def _sweep(self, before: float) -> None:
        """What has not been touched since."""
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < before:
                    path.unlink()


def _locked(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    return True

"""The folder of the store: whose it is, what is in force, and the next generation."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from lockgate._store_place import StorePlace
from lockgate.errors import InstalledError
from lockgate.installed import _staged
from lockgate.installed._format import SIZE_LIMIT_BYTES, Generation, parse, to_bytes
from lockgate.installed._lease import leased
from lockgate.installed._staged import Staged, still_waiting
from lockgate.owned import (
    NotOwnedError,
    hold,
    read_owned,
    replace_whole,
    sync_folder,
)

__all__ = ["StoreFolder"]

_POINTER_LIMIT_BYTES = 32
_FOLDER_MODE = 0o755
"""Others may look: a worker may run as a user of its own, and wheels are no secret."""


class StoreFolder(StorePlace):
    """The store below the folder `data_dir`; it need not exist.

    Reading takes no lock: what is there never changes, and what is in force is one
    small file that is replaced by a rename.
    """

    def current(self) -> int:
        """The number of the generation in force; 0 if nothing was ever installed.

        Raises:
            InstalledError: If the file that says so is not believed.
        """
        if not self.exists:
            return 0
        raw = _read(self.pointer, _POINTER_LIMIT_BYTES)
        digits = raw.removesuffix(b"\n")
        if not digits.isdigit() or digits.startswith(b"0"):
            raise InstalledError(
                "it holds no generation's number",
                file=self.pointer,
                hint=f"Write the number of one of {self.root}/generations into it.",
            )
        return int(digits)

    def read(self, number: int | None = None) -> Generation:
        """The generation `number`, or the one in force (0: nothing is installed).

        Raises:
            InstalledError: If it is not there, not sound, or others may write here.
        """
        if number is not None:
            return self._numbered(number)
        wanted = self.current()
        while True:
            try:
                return self._numbered(wanted)
            except InstalledError:
                # No lock is taken: another may have switched, and collected this one.
                before, wanted = wanted, self.current()
                if wanted == before:
                    raise

    def _numbered(self, wanted: int) -> Generation:
        if wanted == 0:
            return Generation(0, "")
        self.check()
        file = self.file(wanted)
        found = parse(_read(file, SIZE_LIMIT_BYTES), file=file)
        if found.number != wanted:
            raise InstalledError(f"it is of the generation {found.number}", file=file)
        return found

    def staged(self) -> tuple[Staged, ...]:
        """The releases that wait for consent, by distribution.

        Raises:
            InstalledError: If the file is not sound, or others may write here.
        """
        return still_waiting(self._staged(), self.read())

    def _staged(self) -> tuple[Staged, ...]:
        if not os.path.lexists(self.staged_file):
            return ()
        self.check()
        raw = _read(self.staged_file, SIZE_LIMIT_BYTES)
        return _staged.parse(raw, file=self.staged_file)

    def stage(self, *new: Staged, without: Iterable[str] = ()) -> None:
        """Let `new` wait, and releases of the distributions `without` no longer.

        Each takes the place of another of its distribution. A file that is not sound
        is written anew: what it said gave nothing. Hold `locked`.

        Raises:
            InstalledError: If it can't be written; then nothing changed.
        """
        gone = {one.entry.distribution for one in new}.union(without)
        before: tuple[Staged, ...] | None = None
        with suppress(InstalledError):
            before = self._staged()
        waiting = still_waiting(before or (), self.read())
        kept = [one for one in waiting if one.entry.distribution not in gone]
        wanted = (*kept, *new)
        if wanted == before:
            return
        try:
            replace_whole(Path(self.staged_file), _staged.to_bytes(wanted))
        except OSError as error:
            raise _unwritten(error, self.staged_file) from None

    def leased(self) -> frozenset[str]:
        """What hosts that run import from: ``wheels/SHA256``, ``merged/SHA256``.

        Hold `locked`.

        Raises:
            InstalledError: If what one of them needs can't be known.
        """
        return leased(self)

    def numbers(self) -> tuple[int, ...]:
        """The generations that are kept, the oldest first."""
        try:
            names = os.listdir(f"{self.root}/generations")  # noqa: PTH208
        except OSError:
            return ()
        stems = (n.removesuffix(".json") for n in names if n.endswith(".json"))
        return tuple(
            sorted(int(s) for s in stems if s.isdecimal() and not s.startswith("0"))
        )

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the store alone; waits for whoever holds it.

        Makes the folders that are missing. Reentrant in no way: hold it once.

        Raises:
            InstalledError: If the store can't be made, or others may write to it.
        """
        with _told(self.root):
            for folder in (Path(self.root), Path(self.root, "generations")):
                _make(folder)
                _open_up(folder)
            self.check()
            lock = hold(f"{self.root}/lock")
        try:
            with _told(self.root):
                _sweep(self.root)
                _sweep(f"{self.root}/generations")
            yield
        finally:
            os.close(lock)

    def commit(self, generation: Generation, reason: str) -> Generation:
        """Write `generation` as the next one, and put it in force. Hold `locked`.

        After a crash at any point either it or the former one is in force, whole.

        Raises:
            InstalledError: If it can't be written; what was in force then still is.
        """
        from datetime import UTC, datetime

        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parent = self.current()
        number = max([parent, *self.numbers()]) + 1
        made = replace(
            generation, number=number, at=now, parent=parent, reason=reason[:500]
        ).dated()
        raw = to_bytes(made)
        try:
            replace_whole(Path(self.file(number)), raw)
        except OSError as error:
            raise _unwritten(error, self.file(number)) from None
        self.switch(number)
        return made

    def switch(self, number: int) -> None:
        """Put the generation `number` in force, which is there. Hold `locked`.

        Raises:
            InstalledError: If it can't be read, or the switch can't be written.
        """
        self.read(number)
        try:
            replace_whole(Path(self.pointer), b"%d\n" % number)
        except OSError as error:
            raise _unwritten(error, self.pointer) from None


@contextmanager
def _told(folder: str) -> Generator[None]:
    """Whatever the disk refuses in the block is an `InstalledError`."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or folder)
        raise InstalledError(str(error.strerror), file=where) from None


def _read(path: str, limit: int) -> bytes:
    try:
        return read_owned(Path(path), limit)
    except NotOwnedError as error:
        raise InstalledError(str(error), file=path, hint=error.hint) from None
    except OSError as error:
        raise InstalledError(f"it can't be read: {error.strerror}", file=path) from None


def _unwritten(error: OSError, file: str) -> InstalledError:
    return InstalledError(
        f"it can't be written: {error.strerror}",
        file=file,
        hint="Nothing changed. Make room or see who may write there, and try again.",
    )


def _sweep(folder: str) -> None:
    """Remove what a writer that was killed left beside its file; we hold the lock."""
    for name in os.listdir(folder):  # noqa: PTH208
        if name.startswith(".") and name.endswith(".new"):
            os.unlink(f"{folder}/{name}")  # noqa: PTH108


def _open_up(folder: Path) -> None:
    """Let others look into a folder of the store that was made and no more."""
    status = folder.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o777 == 0o700:
        folder.chmod(_FOLDER_MODE)


def _make(folder: Path) -> None:
    """Make `folder` and those above it that are missing, whatever the umask is."""
    if not folder.is_dir():
        _make(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        folder.chmod(_FOLDER_MODE)
        sync_folder(folder.parent)

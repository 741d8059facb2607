"""The memory of this machine: a file for each project, for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lockgate.owned import (
    NotOwnedError,
    foreign_writer,
    hold,
    read_owned,
    replace_whole,
)
from lockgate_marketplace.errors import FreshnessError
from lockgate_marketplace.memory._changes import Change, changes
from lockgate_marketplace.memory._freshness import Seen
from lockgate_marketplace.memory._record import Record, SeenFile
from lockgate_marketplace.simple import ProjectPage
from lockgate_marketplace.wheel import WheelName

__all__ = ["LocalMemory"]

_MOST_BYTES = 64 << 20


def _now() -> datetime:
    return datetime.now(UTC)


class LocalMemory:
    """Remembers pages below a folder. Processes wait for each other."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.folder = folder
        self._now = now

    def observe(self, page: ProjectPage) -> Seen:
        """Judge a page, and remember it if it is sound.

        Raises:
            FreshnessError: If it contradicts what was seen before, or the memory
                can't be trusted, read or written. Nothing is remembered.
        """
        with self._locked(page.index):
            path = self._path(page.index, page.name)
            record = self._read(path)
            now = self._now()
            if found := changes(record, page, now):
                raise _contradiction(page, found)
            after = record.with_page(page, now)
            if after != record:
                self._write(path, after)
        first_seen = {name: file.first_seen for name, file in after.files.items()}
        absent = {n: f.absent for n, f in after.files.items() if f.absent is not None}
        return Seen(_pinned(page, after), first_seen, absent)

    def accept(self, page: ProjectPage) -> tuple[Change, ...]:
        """Take a page for the truth, on the owner's word; gives what it contradicted.

        Raises:
            FreshnessError: If the memory can't be trusted, read or written.
        """
        with self._locked(page.index):
            path = self._path(page.index, page.name)
            record = self._read(path)
            now = self._now()
            found = changes(record, page, now)
            listed = {file.filename for file in page.files}
            kept = {n: f for n, f in record.files.items() if n not in listed}
            gone = {file.version for file in kept.values()}
            plain = Record(record.status, None, kept, frozenset(gone), record.last_look)
            after = plain.with_page(page, now)
            for name, known in record.files.items():
                file = after.files[name]
                if file.sha256 == known.sha256:  # the same file: as old as it was
                    after = replace(after, files={**after.files, name: known})
            self._write(path, after)
        return found

    def pin(self, index: str, name: str, filename: str, sha256: str, size: int) -> None:
        """Remember what a file without a hash turned out to be.

        Raises:
            FreshnessError: If it is known to be something else.
        """
        with self._locked(index):
            path = self._path(index, name)
            record = self._read(path)
            known = record.files.get(filename)
            if known is None:
                version = WheelName.parse(filename).version
                known = SeenFile(version, "", None, self._now())
            if known.sha256 and known.sha256 != sha256:
                message = (
                    f"{filename} has other content than before: its SHA-256 was "
                    f"{known.sha256[:12]}…, and is {sha256[:12]}… now"
                )
                raise FreshnessError(
                    "freshness-hash-changed", message, where=f"{index}/{name}"
                )
            files = {**record.files, filename: replace(known, sha256=sha256, size=size)}
            self._write(path, replace(record, files=files))

    def forget(self, index: str, name: str) -> None:
        """Remember nothing of a project any more."""
        with self._locked(index):
            self._path(index, name).unlink(missing_ok=True)

    def _path(self, index: str, name: str) -> Path:
        # Both are checked where they enter: lower case, digits and hyphens.
        return self.folder / index / f"{name}.json"

    def _read(self, path: Path) -> Record:
        try:
            return Record.from_json(read_owned(path, _MOST_BYTES))
        except FileNotFoundError:
            return Record()
        except NotOwnedError as error:
            message = f"{path.name}: {error}"
            raise FreshnessError(
                "freshness-not-owned", message, where=str(path), hint=error.hint
            ) from None
        except (OSError, ValueError) as error:
            message = f"{path.name} cannot be read: {error}"
            raise FreshnessError(
                "freshness-unreadable", message, where=str(path)
            ) from None

    def _write(self, path: Path, record: Record) -> None:
        try:
            replace_whole(path, record.to_json(), alone=True)
        except OSError as error:
            message = f"{path.name} cannot be written: {error.strerror}"
            raise FreshnessError(
                "freshness-unreadable", message, where=str(path)
            ) from None

    @contextmanager
    def _locked(self, index: str) -> Generator[None]:
        folder = self.folder / index
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            other = foreign_writer(folder)
            if other is not None:
                raise FreshnessError(
                    "freshness-not-owned",
                    str(other),
                    where=str(folder),
                    hint=other.hint,
                )
            lock = hold(folder / ".lock")
        except OSError as error:
            message = f"{folder} cannot be used: {error.strerror}"
            raise FreshnessError(
                "freshness-unreadable", message, where=str(folder)
            ) from None
        try:
            yield
        finally:
            os.close(lock)


def _contradiction(page: ProjectPage, found: tuple[Change, ...]) -> FreshnessError:
    first, rest = found[0], len(found) - 1
    message = first.message + (f" (and {rest} more changes)" if rest else "")
    name = f"{page.index}/{page.name}"
    hint = (
        f"Ask the project what happened. If it is right: lockgate trust accept {name}"
    )
    if first.code in ("freshness-serial-back", "freshness-serial-gone"):
        hint = "Try again in some minutes. " + hint
    return FreshnessError(
        first.code,
        message,
        where=name,
        hint=hint,
        changes=[{"code": c.code, "message": c.message} for c in found],
    )


def _pinned(page: ProjectPage, record: Record) -> ProjectPage:
    """The page, with what was pinned for files without a hash."""
    if all(file.sha256 for file in page.files):
        return page
    files = tuple(
        file
        if file.sha256
        else replace(file, sha256=record.files[file.filename].sha256)
        for file in page.files
    )
    return replace(page, files=files)

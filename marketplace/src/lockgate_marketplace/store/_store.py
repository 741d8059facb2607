"""The store as a whole: what can be put into it, and what can be asked of it."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lockgate.installed import (
    Generation,
    Installed,
    InstalledError,
    Staged,
    StoreFolder,
)
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._disk import discard, writing
from lockgate_marketplace.store._environment import (
    check_together,
    entry_of,
    merged_reason,
)
from lockgate_marketplace.store._garbage import Collected, collect, lineage
from lockgate_marketplace.store._merged import add_merged, merged_looks_whole
from lockgate_marketplace.store._record import StoredWheel, read_record
from lockgate_marketplace.store._reopen import reopen
from lockgate_marketplace.store._verify import Damage, Tell, examine
from lockgate_marketplace.store._wheels import add_wheel, whole_wheel
from lockgate_marketplace.wheel import Surroundings, Wheel

__all__ = ["KEEP", "Store"]

_FOLDERS = {"wheels": 0o755, "merged": 0o755, "staging": 0o700}
KEEP = 5
"""Generations that are kept besides what is said otherwise."""


def _nothing() -> None:
    """Nothing has to be so."""


def _nothing_after(made: Generation) -> None:
    del made


def _silent(message: str, fraction: float) -> None:
    del message, fraction


class Store:
    """The store below the folder `data_dir`.

    Processes and threads may add wheels side by side; generations are written one
    after the other, and garbage is collected while nobody adds.
    """

    def __init__(self, data_dir: str | Path) -> None:
        self.folder = StoreFolder(str(data_dir))
        self.root = Path(self.folder.root)
        self._holding = threading.RLock()
        self._held = 0
        self._in_use = -1

    def _place(self, name: str) -> Path:
        return self.root / name

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep what is added in this block from being collected before it is named.

        Raises:
            InstalledError: If the store can't be made, or others may write to it.
        """
        with self._holding:
            if self._held == 0:
                self._in_use = self._hold()
            self._held += 1
        try:
            yield
        finally:
            with self._holding:
                self._held -= 1
                if self._held == 0:
                    os.close(self._in_use)
                    self._in_use = -1

    def _hold(self) -> int:
        """The lock that adders share; what killed ones left is swept before."""
        with self.folder.locked(), writing(self.root):
            for name, mode in _FOLDERS.items():
                self._make(self._place(name), mode)
        # Not within that lock: whoever collects holds this one and waits for that.
        with writing(self.root):
            lock = self._open_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody is at work, and what is aside may be theirs
            else:
                for left in self._place("staging").iterdir():
                    discard(left)
            fcntl.flock(lock, fcntl.LOCK_SH)
        return lock

    def _make(self, folder: Path, mode: int) -> None:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if folder.stat().st_mode & 0o777 == 0o700:  # just made, or no more than that
            folder.chmod(mode)

    def _open_lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._place("in-use"), flags, 0o600)

    def has(self, sha256: str) -> bool:
        """Whether a wheel of that hash lies there and says what it is."""
        with suppress(StoreError):
            return bool(self.get(sha256))
        return False

    def looks_whole(self, sha256: str) -> bool:
        """Whether a wheel lies there, and a look at its files finds nothing wrong.

        A look is their size, kind and mode; `verify` hashes them.
        """
        return whole_wheel(self._place("wheels") / sha256) is not None

    def looks_as_written(self, entry: Installed) -> bool:
        """`looks_whole` of each wheel of `entry`, and of its merged folder if any."""
        if not all(self.looks_whole(wheel.sha256) for wheel in entry.wheels):
            return False
        wheels = [self.get(wheel.sha256) for wheel in entry.wheels]
        folder = self._place("merged") / entry.merged
        return not entry.merged or merged_looks_whole(wheels, folder)

    def get(self, sha256: str) -> StoredWheel:
        """The wheel of that hash.

        Raises:
            StoreError: ``store-wheel-missing`` or ``store-record``.
        """
        return read_record(self._place("wheels") / sha256)

    def reopen(self, sha256: str, around: Surroundings) -> Wheel:
        """The wheel of that hash as the gate gives it, to be judged again.

        Raises:
            StoreError: ``store-wheel-missing`` or ``store-record``; the latter also
                when a file of it is read that is not what was written.
            WheelError: If it does not fit into what is `around`.
        """
        return reopen(self.get(sha256), around)

    def add(self, wheel: Wheel) -> StoredWheel:
        """Unpack a wheel that the gate let in; durable on return.

        One that is there is left alone, if a look at its files finds nothing wrong.

        Raises:
            StoreError: ``store-unwritable``; nothing of it is left then.
            InstalledError: If the store can't be made, or others may write to it.
        """
        with self.held():
            return add_wheel(wheel, self._place("wheels"), self._place("staging"))

    def environment(
        self, wheels: Sequence[StoredWheel], plugins: Iterable[str]
    ) -> Installed:
        """The environment of these wheels, that of the distribution itself first.

        Nothing is written, unless they must lie in one folder.

        Raises:
            StoreError: ``store-file-collision`` if two bring the same file.
        """
        check_together(wheels)
        merged = len(wheels) > 1 and bool(merged_reason(wheels))
        if merged:
            with self.held():
                add_merged(wheels, self._place("merged"), self._place("staging"))
        return entry_of(wheels, plugins, merged=merged)

    def commit(
        self,
        entries: Iterable[Installed],
        *,
        without: Iterable[str] = (),
        reason: str,
        before: Callable[[], None] = _nothing,
        after: Callable[[Generation], None] = _nothing_after,
    ) -> Generation:
        """Put a generation in force: the present one, `entries` in, `without` out.

        That is the present one itself if nothing in it changes.

        What goes with it is done while nobody else can change the store: `before`
        looks whether it still may be, `after` writes down what it comes with. What
        they raise leaves in force what was. Locks are taken in this order: that of
        the store, then that of the grants.

        Raises:
            StoreError: ``store-wheel-missing`` if a wheel of `entries` is not there.
            InstalledError: If it can't be written; then nothing changed.
        """
        wanted, without = tuple(entries), tuple(without)
        with self.held(), self.folder.locked():
            for entry in wanted:
                self._check(entry)
            before()
            old = self.folder.read()
            new = old.without(*without).having(*wanted)
            made = old
            if old.number == 0 or new.entries != old.entries:
                made = self.folder.commit(new, reason)
            try:
                after(made)
            except BaseException:
                if made is not old:
                    self._take_back(old, made)
                raise
            names = [entry.distribution for entry in wanted]
            with suppress(InstalledError):  # it is told from what is in force anyway
                self.folder.stage(without=[*names, *without])
            return made

    def _take_back(self, old: Generation, made: Generation) -> None:
        """Put `old` in force again, in the place of `made`."""
        if old.number:
            self.folder.switch(old.number)
        else:
            self.folder.commit(old, f"take back: {made.reason}")

    def set_aside(self, entry: Installed, asks: Iterable[str], index: str) -> Staged:
        """Keep a release until its owner agrees to the rights `asks`.

        Raises:
            StoreError: ``store-wheel-missing`` if a wheel of it is not there.
            InstalledError: If it can't be written down.
        """
        with self.held(), self.folder.locked():
            self._check(entry)
            now = self.folder.read().get(entry.distribution)
            before = now.wheels[0].sha256 if now is not None else ""
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            staged = Staged(entry, before, tuple(sorted(asks)), index, at)
            self.folder.stage(staged)
            return staged

    def put_back(self, distribution: str) -> None:
        """Let a release that was set aside wait no longer; `collect` takes its wheels.

        Raises:
            InstalledError: If that can't be written down.
        """
        with self.folder.locked():
            self.folder.stage(without=[distribution])

    def rollback(self, number: int = 0) -> Generation:
        """Put an earlier generation in force: `number`, or that before the present.

        Raises:
            StoreError: ``store-no-generation`` if there is none, or
                ``store-wheel-missing`` if something of it was collected.
            InstalledError: If it can't be read, or the switch can't be written.
        """
        with self.held(), self.folder.locked():
            wanted = number or self._before()
            if wanted not in self.folder.numbers():
                message = f"there is no generation {wanted}"
                if not number:
                    message = f"generation {wanted}, which was in force before, is gone"
                where = str(self._place("generations"))
                raise StoreError("store-no-generation", message, where=where)
            target = self.folder.read(wanted)
            for entry in target.entries:
                self._check(entry)
            self.folder.switch(wanted)
            return target

    def history(self) -> Iterator[Generation]:
        """The generation in force, its parent, and so on, as far as they are kept.

        Raises:
            InstalledError: If the one in force can't be read.
        """
        return lineage(self.folder, sys.maxsize)

    def generations(self) -> Iterator[Generation]:
        """Every generation that is kept, the oldest first.

        Raises:
            InstalledError: If one can't be read; one that is collected meanwhile is
                left out.
        """
        for number in self.folder.numbers():
            try:
                yield self.folder.read(number)
            except InstalledError:
                if number in self.folder.numbers():
                    raise

    def _before(self) -> int:
        now = self.folder.read()
        if now.parent == 0:
            message = "nothing was in force before the present generation"
            raise StoreError("store-no-generation", message, where=str(self.root))
        return now.parent

    def _check(self, entry: Installed) -> None:
        for wheel in entry.wheels:
            self.get(wheel.sha256)
        for folder in entry.folders(str(self.root)):
            if not Path(folder).is_dir():
                message = f"{entry.distribution} lacks a folder"
                raise StoreError("store-wheel-missing", message, where=folder)

    def collect(self, keep: int = KEEP, *, dry: bool = False) -> Collected:
        """Take away what the last `keep` generations do not name; waits for adders.

        Raises:
            InstalledError: If the generation in force can't be read: nothing is taken.
            StoreError: If something can't be removed.
        """
        with self.folder.locked():
            pass  # the folders are there, and ours
        with writing(self.root):
            lock = self._open_lock()
        try:
            with writing(self.root):
                fcntl.flock(lock, fcntl.LOCK_EX)
            with self.folder.locked(), writing(self.root):
                self._place("staging").mkdir(mode=0o700, exist_ok=True)
                return collect(self.folder, self._place("staging"), keep, dry=dry)
        finally:
            os.close(lock)

    def verify(self, tell: Tell = _silent) -> Iterator[Damage]:
        """Hash everything again; whatever is not as it was written, one by one."""
        return examine(self.folder, tell)

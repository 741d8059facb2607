"""What a host that runs imports from the store, kept from being collected meanwhile.

A host writes the folders that its workers may import from into a file of its own,
``DATA/store/leases/TOKEN``, and holds that by a lock (flock(2)) for as long as it
lives: the lock ends with the process, however that ends. Whoever collects garbage
spares what a file that is held names, and removes the others. Both hold the store's
lock meanwhile: what a host has held and then seen to be there is not taken from it.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Collection
from contextlib import suppress

from lockgate._store_place import StorePlace
from lockgate.errors import InstalledError

__all__ = ["Lease", "leased"]

_LINE = re.compile(rb"(?:wheels|merged)/[0-9a-f]{64}")
_LIMIT_BYTES = 8 * 1024 * 1024


class Lease:
    """The lease of one host on folders of the store at `place`. Not thread-safe.

    Where the store can't be written it has none: whoever collects there is another
    user, and must know who uses it.
    """

    def __init__(self, place: StorePlace) -> None:
        self._place = place
        self._names: frozenset[str] = frozenset()
        self._file = ""
        self._held = -1
        self._home = os.getpid()

    def hold(self, folders: Collection[str]) -> bool:
        """Hold these import folders from now on, and no others.

        Those that are not in the store are nobody's to collect. False if one in the
        store is not there any more: whoever named it looked before it was collected.
        """
        names = frozenset(name for folder in folders if (name := self._name(folder)))
        if names != self._names:
            with suppress(OSError):
                self._renew(names)
        root = self._place.root
        return all(os.path.isdir(f"{root}/{name}") for name in names)  # noqa: PTH112

    def close(self) -> None:
        """Hold nothing any longer."""
        self._drop()
        self._names = frozenset()

    def _name(self, folder: str) -> str:
        """``wheels/SHA256`` or ``merged/SHA256``; empty if it is not in the store."""
        beginning = f"{self._place.root}/"
        if not folder.startswith(beginning):
            return ""
        return "/".join(folder.removeprefix(beginning).split("/")[:2])

    def _renew(self, names: frozenset[str]) -> None:
        """Write and hold a file of `names`, then let go of the one before."""
        if not names:
            self.close()
            return
        store = os.open(f"{self._place.root}/lock", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(store, fcntl.LOCK_SH)
            folder = self._place.leases
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)  # noqa: PTH102
            file = f"{folder}/{os.getpid()}-{os.urandom(8).hex()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            held = os.open(file, flags, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX)
                content = "".join(f"{name}\n" for name in sorted(names)).encode()
                while content:
                    content = content[os.write(held, content) :]
            except BaseException:
                os.close(held)
                raise
            self._drop()
            self._file, self._held, self._names = file, held, names
        finally:
            os.close(store)

    def _drop(self) -> None:
        if self._held < 0:
            return
        # A forked copy of a host holds the same file: what it names is the host's.
        if os.getpid() == self._home:
            with suppress(OSError):
                os.unlink(self._file)  # noqa: PTH108
        os.close(self._held)
        self._held, self._file = -1, ""


def leased(place: StorePlace) -> frozenset[str]:
    """The folders of the store that hosts hold: ``wheels/SHA256``, ``merged/SHA256``.

    What nobody holds any more is removed. Hold the store's lock.

    Raises:
        InstalledError: If a lease that is held can't be read: what it needs is unknown.
    """
    found: set[str] = set()
    try:
        names = os.listdir(place.leases)  # noqa: PTH208
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise InstalledError(str(error.strerror), file=place.leases) from None
    for name in names:
        file = f"{place.leases}/{name}"
        try:
            found.update(_read(file))
        except OSError as error:
            raise InstalledError(str(error.strerror), file=file) from None
    return frozenset(found)


def _read(file: str) -> Collection[str]:
    """What the lease in `file` names; nothing, and no file, if nobody holds it."""
    held = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(held, "rb") as lease:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lines = lease.read(_LIMIT_BYTES).splitlines()
        else:
            os.unlink(file)  # noqa: PTH108
            return ()
    if not all(_LINE.fullmatch(line) for line in lines):
        raise InstalledError("it is no lease that a host wrote", file=file)
    return [line.decode() for line in lines]

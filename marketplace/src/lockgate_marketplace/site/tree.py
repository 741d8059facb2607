"""A folder that is built aside and put in place whole.

`Tree` writes into a hidden sibling of the site. `swap` exchanges the two in one
step of the file system (renameat2(2), RENAME_EXCHANGE), so that a reader sees the
old site or the new one and never a mixture; whatever stops a build before that
leaves the old site as it was.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from lockgate_marketplace.errors import PublishError

__all__ = ["Tree"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_PREFIX = ".lockgate-index-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The next site, next to the present one; a context manager.

    Paths are relative, with slashes. What is neither written nor kept is not in the
    next site.
    """

    def __init__(self, site: Path) -> None:
        self.site = Path(os.path.realpath(site))
        self.folder = self.site  # until it is entered
        self._made: set[str] = set()
        self._kept: set[str] = set()
        self._present: frozenset[str] = frozenset()  # the present site's files

    def __enter__(self) -> Self:
        self._present = frozenset(_files(str(self.site)))
        parent = self.site.parent
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        prefix = f"{_PREFIX}{os.getpid()}-"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self.folder.chmod(0o755)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name: str) -> Path:
        """Where `name` lies in the next site; its folder is made."""
        return Path(self._place(name))

    def _place(self, name: str) -> str:
        folder, _, file = name.rpartition("/")
        if file in ("", ".", ".."):
            raise ValueError(f"{name!r} is no path within the site")
        return f"{self._folder(folder)}/{file}"

    def _folder(self, name: str) -> str:
        """A folder of the next site, which is made."""
        if name not in self._made:
            if ".." in name.split("/") or name.startswith("/"):
                raise ValueError(f"{name!r} is no path within the site")
            os.makedirs(f"{self.folder}/{name}", exist_ok=True)  # noqa: PTH103
            self._made.add(name)
        return f"{self.folder}/{name}"

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, whether or not one was to be kept."""
        self._kept.discard(name)
        Path(self._place(name)).write_bytes(content)

    def read(self, name: str) -> bytes:
        """A file that was written, or is kept."""
        folder = self.site if name in self._kept else self.folder
        return (folder / name).read_bytes()

    def present(self, name: str) -> bytes:
        """A file of the present site; empty if it has none."""
        return (self.site / name).read_bytes() if self.has(name) else b""

    def drop(self, name: str) -> None:
        """Leave out a file, or a folder of written files, after all."""
        self._kept.discard(name)
        path = self.folder / name
        if path.is_dir():
            shutil.rmtree(path)
            self._made.discard(name)
        else:
            path.unlink(missing_ok=True)

    def has(self, name: str, size: int | None = None) -> bool:
        """Whether the present site has `name` as a file, of that size."""
        if name not in self._present:
            return False
        return size is None or os.lstat(f"{self.site}/{name}").st_size == size

    def keep(self, name: str) -> bool:
        """Take a file over from the present site; False if that has none.

        Both sites then name one file, which nobody writes to: a build replaces.
        """
        if not self.has(name):
            return False
        self._kept.add(name)
        return True

    def _link_kept(self) -> None:
        """Give every kept file its name in the next site, folder by folder.

        Within an open folder a link costs half of what it costs by its path.
        """
        folders: dict[str, list[str]] = {}
        for name in self._kept:
            folder, _, file = name.rpartition("/")
            folders.setdefault(folder, []).append(file)
        for folder, files in folders.items():
            source = os.open(f"{self.site}/{folder}", _FOLDER)
            try:
                target = os.open(self._folder(folder), _FOLDER)
                try:
                    for file in files:
                        _link(file, source, target)
                finally:
                    os.close(target)
            finally:
                os.close(source)

    def swap(self) -> None:
        """Put the new site in the place of the old one, which goes.

        Raises:
            PublishError: If something else came into the place
                (`index-site-foreign`).
            OSError: If the file system does not let us.
        """
        self._link_kept()
        try:
            _exchange(self.folder, self.site)
        except FileNotFoundError:
            self.folder.rename(self.site)
        except NotADirectoryError:
            message = f"{self.site} is no folder"
            raise PublishError(
                "index-site-foreign", message, where=str(self.site)
            ) from None


def _files(site: str) -> Iterator[str]:
    """The present site's files; it has those and folders only, as builds leave it.

    What is kept of it goes on into the next one: a link that somebody put there, and
    whatever it leads to, would be published.

    Raises:
        PublishError: ``index-site-foreign``, naming the link.
    """
    waiting = [""]
    while waiting and os.path.lexists(site):
        below = waiting.pop()
        with os.scandir(f"{site}/{below}") as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield below + entry.name
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{below}{entry.name}/")
                else:
                    message = f"{entry.path} is a link or a device: no build makes one"
                    raise PublishError("index-site-foreign", message, where=entry.path)


def _link(file: str, source: int, target: int) -> None:
    """Let `file` of one open folder have its name in another, too."""
    try:
        os.link(file, file, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        one = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with (
            os.fdopen(one, "rb") as old,
            os.fdopen(os.open(file, how, 0o644, dir_fd=target), "wb") as new,
        ):
            shutil.copyfileobj(old, new)


def _sweep(parent: Path) -> None:
    """Take away what builds left that were killed; those that run keep theirs."""
    for left in parent.glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places in one step."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
    )
    if done == 0:
        return
    number = ctypes.get_errno()
    if number not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(number, os.strerror(number), str(other))
    # A file system without it (some network ones): there is a moment without a site.
    away = one.with_name(f"{one.name}.old")
    other.rename(away)
    try:
        one.rename(other)
    except OSError:
        away.rename(other)
        raise
    away.rename(one)

"""Files that are whole or absent, and that nobody but their owner can have written.

What says which strangers' code may run, or holds that code, is only believed if no
other user could have put it there.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # 3 ms, and a listing needs none of it
    from pathlib import Path

__all__ = [
    "NotOwnedError",
    "foreign_writer",
    "hold",
    "read_owned",
    "replace_beneath",
    "replace_whole",
    "sync_folder",
]

FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOwnedError(Exception):
    """Why a file or folder is not believed: a sentence, and the way out."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


def hold(path: str | Path) -> int:
    """Hold the lock file `path` alone: wait for whoever does, and make it if need be.

    Gives a descriptor; the lock lasts until that is closed (flock(2)).

    Raises:
        OSError: If it can't be made or locked, or is a link.
    """
    import fcntl

    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(path, flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except BaseException:
        os.close(lock)
        raise
    return lock


def read_owned(path: Path, limit: int) -> bytes:
    """The content of a file that nobody but us (or root) can have written.

    Raises:
        FileNotFoundError: If it is not there.
        NotOwnedError: If it is another's, others may write it, or it is no regular
            file of at most `limit` bytes.
        OSError: If it can't be read.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotOwnedError("it is no regular file")
        if status.st_uid not in (os.geteuid(), 0):
            hint = f"Look at it, then: chown {os.geteuid()} {path}"
            raise NotOwnedError(f"it belongs to the user {status.st_uid}", hint)
        if status.st_mode & FOREIGN_WRITE:
            hint = f"Look at it, then: chmod 600 {path}"
            raise NotOwnedError("others may write it", hint)
        content = file.read(limit + 1)
        if len(content) > limit:
            raise NotOwnedError(f"it is larger than {limit} bytes")
        return content


def foreign_writer(folder: str | Path, *, above: bool = True) -> NotOwnedError | None:
    """Who else may write to `folder`, or swap it by writing to one above it.

    None if nobody but us and root may. A group counts as nobody if it is our own
    and has no other members, as many systems give each user one.

    Raises:
        OSError: If a folder can't be looked at.
    """
    path = os.path.abspath(folder)  # noqa: PTH100 - a Path costs more than the look
    first = True
    while True:
        status = os.stat(path)  # noqa: PTH116
        if status.st_uid not in (os.geteuid(), 0):
            reason = f"{path} belongs to another user ({status.st_uid})"
            return NotOwnedError(reason, "choose a folder of your own")
        # In a sticky folder (/tmp) others may add entries but not replace ours.
        sticky = not first and status.st_mode & stat.S_ISVTX
        if status.st_mode & FOREIGN_WRITE and not sticky and not _ours_alone(status):
            return NotOwnedError(f"others may write to {path}", f"chmod go-w {path}")
        if path == "/" or not above:
            return None
        path, first = os.path.dirname(path), False  # noqa: PTH120


def _ours_alone(status: os.stat_result) -> bool:
    """Whether only a group may write that is ours, by name and number, alone."""
    if status.st_mode & stat.S_IWOTH:
        return False
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    mine = group.gr_gid == user.pw_gid and group.gr_name == user.pw_name
    return mine and set(group.gr_mem) <= {user.pw_name}


def replace_whole(
    path: Path, content: bytes, *, mode: int = 0o600, alone: bool = False
) -> None:
    """Write `content` aside, sync it, and put it in the place of `path`.

    A link at `path` is replaced, not followed. If `path` is relative, no part of it
    may be a link: where one stands may be a stranger's checkout (`replace_beneath`).
    `alone` says that a lock keeps others from writing it: then what a writer that was
    killed left aside is taken away.

    Raises:
        OSError: If it can't be written; `path` is then what it was.
    """
    if path.is_absolute():
        replace_beneath(path.parent, path.name, content, mode=mode, alone=alone)
        return
    try:
        replace_beneath(".", str(path), content, mode=mode, alone=alone)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        message = f"{error.strerror}; an absolute path is taken as it is"
        raise OSError(errno.ELOOP, message, str(path)) from None


def replace_beneath(
    folder: str | Path,
    path: str,
    content: bytes,
    *,
    mode: int = 0o600,
    alone: bool = False,
) -> None:
    """`replace_whole` of the file `path` below `folder`, where no link is followed.

    Raises:
        OSError: If it can't be written, or a part of `path` is a link (``ELOOP``).
    """
    from lockgate._text.beneath import folder_beneath

    above, _, name = path.rpartition("/")
    # One that many may write aside at once has a name for each of them.
    aside = f".{name}.new" if alone else f".{name}.{os.getpid()}.new"
    with folder_beneath(str(folder), above) as here:
        try:
            _unlink(aside, here)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(aside, flags, 0o600, dir_fd=here), "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(aside, name, src_dir_fd=here, dst_dir_fd=here)
        except OSError:
            _unlink(aside, here)
            raise
        os.fsync(here)


def _unlink(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlast a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Scratch folders: made for one worker, measured, removed with all that it left.

Also runs in the keeper, which removes what a killed host could not, and in wardens.
"""

# Everything is relative to open folders, which pathlib can't do.
# ruff: noqa: PTH101, PTH106, PTH208

from __future__ import annotations

import errno
import os

__all__ = ["empty", "measure", "remove"]

_ATTEMPTS = 100
_GONE = (errno.ENOENT, errno.ENOTDIR)
"""What is said of a folder or file that is not there any more."""

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(folder: str) -> None:
    """Remove `folder` and everything below it; what is gone already is fine.

    No recursion and two descriptors at a time, however deep or wide the tree is,
    and no symbolic link is followed. Call it when the worker is dead. Host and
    keeper may do it at the same time.
    """
    for attempt in range(_ATTEMPTS):
        try:
            _remove(folder)
        except OSError as error:
            # The other one takes away what this one has just listed, or moves a
            # folder up into what this one has just emptied.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise
            if attempt == _ATTEMPTS - 1 and os.path.lexists(folder):
                raise
        if not os.path.lexists(folder):
            return


def _remove(folder: str) -> None:
    os.chmod(folder, 0o700)  # the worker owned it
    top = os.open(folder, _FLAGS)
    try:
        empty(top)
    finally:
        os.close(top)
    os.rmdir(folder)


def empty(top: int) -> None:
    """Remove everything below the open folder `top`."""
    prefix, counter = f".lockgate-{os.urandom(8).hex()}-", 0
    names = os.listdir(top)
    while names:
        name = names.pop()
        if _unlinked(top, name):
            continue
        # Its own folders are moved up to `top` first, so it never gets deep.
        _make_accessible(top, name)
        here = os.open(name, _FLAGS, dir_fd=top)
        try:
            for inner in os.listdir(here):
                if not _unlinked(here, inner):
                    _make_accessible(here, inner)
                    counter += 1
                    moved = f"{prefix}{counter}"
                    os.rename(inner, moved, src_dir_fd=here, dst_dir_fd=top)
                    names.append(moved)
        finally:
            os.close(here)
        os.rmdir(name, dir_fd=top)


def _unlinked(folder: int, name: str) -> bool:
    """Whether `name` is gone; false says that it is a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (IsADirectoryError, PermissionError):
        if os.lstat(name, dir_fd=folder).st_mode & 0o170000 == 0o040000:
            return False
        raise
    return True


def _make_accessible(folder: int, name: str) -> None:
    # A worker may have taken our own rights away; moving a folder needs them too.
    info = os.lstat(name, dir_fd=folder)
    if info.st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=folder)


def measure(folder: str, bytes_limit: int, inodes_limit: int) -> tuple[int, int]:
    """Bytes on disk and inodes below `folder`; stops counting above a limit.

    Follows no symbolic link. What is too deep for a path or can't be looked into
    counts as too many of both: nothing honest looks like that.

    Raises:
        OSError: If the caller has no descriptor left to look with.
    """
    used = inodes = 0
    pending = [folder]
    while pending and used <= bytes_limit and inodes <= inodes_limit:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    inodes += 1
                    used += _blocks(entry)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                raise
            if error.errno not in _GONE:
                return bytes_limit + 1, inodes_limit + 1
    return used, inodes


def _blocks(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError as error:
        if error.errno in _GONE:
            return 0
        raise

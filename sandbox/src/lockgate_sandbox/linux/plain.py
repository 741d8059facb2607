"""Opening what a path names, and never what a link in it leads to.

Whoever may write to a folder decides what its names stand for, also while a path
through it is being looked up. ``openat2`` (Linux 5.6) refuses every link by one call;
where it is missing (old kernels, filters of containers, the filter that counts files)
the path is opened part by part, each relative to the one before (``O_NOFOLLOW``).
"""

# This runs in the zygote's children: no pathlib, no typing.

from __future__ import annotations

import ctypes
import errno
import os
import stat

from lockgate_sandbox.linux._libc import NUMBERS, raw_syscall

__all__ = ["open_plain"]

# openat2(2); NO_SYMLINKS refuses magic links too, also in later kernels.
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_NO_LINKS = _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
_AT_FDCWD = -100
_TRIES = 16
"""EAGAIN means that the tree was changed on the way: ask again, not for ever."""

# A filter may know no openat2 and say so by either.
_NO_SUCH_CALL = (errno.ENOSYS, errno.EPERM)
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_NUMBER = NUMBERS.get("openat2", -1)
_How = ctypes.c_uint64 * 3
_HOW_BYTES = ctypes.sizeof(_How)


def open_plain(path: str, flags: int, *, beneath: int = -1) -> int:
    """Open `path`, absolute or below the folder `beneath`; the caller's descriptor.

    `flags` are open(2)'s. What is made has mode 0666, less the umask.

    Raises:
        OSError: As open(2) does; ELOOP if a part of the path is a link, EXDEV if it
            leads out of `beneath`, EAGAIN if the tree does not keep still.
    """
    flags |= os.O_CLOEXEC
    if _NUMBER < 0:
        return _part_by_part(path, flags, beneath)
    # struct open_how: flags, mode (only with O_CREAT), resolve.
    mode = 0o666 if flags & os.O_CREAT else 0
    inside = beneath >= 0
    how = _How(flags, mode, _NO_LINKS | (_RESOLVE_BENEATH if inside else 0))
    place = beneath if inside else _AT_FDCWD
    name, at = os.fsencode(path), ctypes.byref(how)
    if b"\0" in name:
        msg = "embedded null byte"
        raise ValueError(msg)
    for _ in range(_TRIES):
        try:
            return raw_syscall(_NUMBER, place, name, at, _HOW_BYTES)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in _NO_SUCH_CALL:
                return _part_by_part(path, flags, beneath)
            raise OSError(error.errno, error.strerror, path) from None
    raise OSError(errno.EAGAIN, "the folder is being changed", path)


def _part_by_part(path: str, flags: int, beneath: int) -> int:
    """`open_plain` by calls that every kernel has."""
    if beneath >= 0 and (path.startswith("/") or ".." in path.split("/")):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    parts = [part for part in path.split("/") if part not in ("", ".")] or ["."]
    here = os.dup(beneath) if beneath >= 0 else os.open("/", _FOLDER)
    try:
        for part in parts[:-1]:
            below = _open_at(part, _FOLDER, here, path)
            os.close(here)
            here = below
        return _open_at(parts[-1], flags | os.O_NOFOLLOW, here, path)
    finally:
        os.close(here)


def _open_at(part: str, flags: int, here: int, path: str) -> int:
    try:
        fd = os.open(part, flags, 0o666, dir_fd=here)
    except NotADirectoryError as error:
        # O_DIRECTORY is told before O_NOFOLLOW.
        if _is_link(part, here):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None
        raise OSError(error.errno, error.strerror, path) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    # With O_PATH a link itself is opened.
    if flags & os.O_PATH and stat.S_ISLNK(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return fd


def _is_link(part: str, here: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode)
    except OSError:
        return False

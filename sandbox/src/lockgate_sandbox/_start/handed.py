"""What of the host's own input and output a script may have, and what in its place.

A terminal, a pipe and a connected socket are handed down as they are. A file that is
open for writing is not: see `_watch.onward`. A file to read from is opened anew: where
the host is in it is not for a script to set, who may be reading the next command there.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from contextlib import suppress

from lockgate_sandbox.errors import PolicyError

__all__ = ["check_socket", "follow", "is_file", "may_write", "read_only"]


def is_file(fd: int) -> bool:
    """Whether `fd` is open, and a regular file or a block device."""
    mode = _mode(fd)
    return stat.S_ISREG(mode) or stat.S_ISBLK(mode)


def may_write(fd: int) -> bool:
    """Whether the open `fd` is open for writing."""
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def read_only(fd: int) -> int:
    """The file that is open as `fd`, at the same place, for reading; the caller's.

    Raises:
        PolicyError: If it can't be had so.
    """
    try:
        reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PolicyError(
            f"standard input is a file that can't be opened anew: {error}",
            hint="give the script a pipe: cat FILE |",
        ) from None
    os.lseek(reader, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    return reader


def follow(reader: int, fd: int) -> None:
    """Have `fd` be where `reader` is, what was read counting as read; never back."""
    with suppress(OSError):  # it may be closed meanwhile
        size = os.fstat(fd).st_size
        place = min(os.lseek(reader, 0, os.SEEK_CUR), size)
        if place > os.lseek(fd, 0, os.SEEK_CUR):
            os.lseek(fd, place, os.SEEK_SET)


def check_socket(fd: int) -> None:
    """Let no socket pass by which code could choose whom it talks to.

    A message names its receiver in memory (sendmsg(2)), where no filter looks; a TCP
    socket without a peer is connected by it (MSG_FASTOPEN).

    Raises:
        PolicyError: If `fd` is one.
    """
    if not stat.S_ISSOCK(_mode(fd)):
        return
    with socket.socket(fileno=os.dup(fd)) as sock:
        if sock.type in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            try:
                sock.getpeername()
            except OSError:
                pass
            else:
                return
    raise PolicyError(
        f"descriptor {fd} is a socket without one peer: code could send to anybody",
        hint="give the script a pipe, or a connected stream",
    )


def _mode(fd: int) -> int:
    """What `fd` is (inode(7)); 0 if it is closed."""
    try:
        return os.fstat(fd).st_mode
    except OSError:
        return 0

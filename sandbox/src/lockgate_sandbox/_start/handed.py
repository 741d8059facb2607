"""What of the host's own input and output a script may have, and what in its place.

A terminal, a pipe, a connected socket and what is open for reading only are handed
down as they are. A file that is open for writing is not: see `_watch.onward`.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat

from lockgate_sandbox.errors import PolicyError

__all__ = ["check_socket", "is_writable_file", "read_only"]


def is_writable_file(fd: int) -> bool:
    """Whether `fd` is open for writing, and a regular file or a block device."""
    mode = _mode(fd)
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        return False
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
            f"standard input is open for writing and can't be reopened: {error}",
            hint="open it for reading only",
        ) from None
    os.lseek(reader, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    return reader


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

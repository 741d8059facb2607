"""Opening what lies in a folder of wheels, which others may fill."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO

__all__ = ["open_regular", "regular"]

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def open_regular(path: str | os.PathLike[str]) -> FileIO:
    """The regular file `path`, unbuffered.

    A pipe would keep whoever opens it, and a device like ``/dev/zero`` whoever reads.

    Raises:
        OSError: If there is none, or it is something else.
    """
    return regular(os.open(path, _READ), os.fspath(path))


def regular(descriptor: int, name: str) -> FileIO:
    """The regular file that `descriptor` is of, unbuffered; closed if it is of none.

    Raises:
        OSError: If it is something else.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return FileIO(descriptor, "rb")
    os.close(descriptor)  # FileIO leaves that of a folder open
    raise OSError(errno.EINVAL, "it is no regular file", name)

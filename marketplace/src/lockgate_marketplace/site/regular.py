"""Opening what lies in a folder of wheels, which others may fill."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO

__all__ = ["open_regular"]

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def open_regular(path: str | os.PathLike[str]) -> FileIO:
    """The regular file `path`, unbuffered.

    A pipe would keep whoever opens it, and a device like ``/dev/zero`` whoever reads.

    Raises:
        OSError: If there is none, or it is something else.
    """
    file = FileIO(os.open(path, _READ), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))

"""Files below a folder that may be a stranger's, reached without following any link.

A checkout can hold symbolic links to wherever its author likes. Whoever is asked to
read or write a file *of that checkout* opens it part by part, each relative to the
descriptor of the one before (openat(2), ``O_NOFOLLOW``): a link in the way is an
error, also one that is put there meanwhile.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["folder_beneath", "read_beneath"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def folder_beneath(folder: str, path: str) -> Generator[int]:
    """A descriptor of the folder `path` (with slashes) below `folder`.

    `folder` itself is opened as it is, links and all: it is what its owner named.

    Raises:
        OSError: If it is not there, or a part of `path` is a link (``ELOOP``).
    """
    here = os.open(folder, _FOLDER)
    try:
        for part in path.split("/"):
            if part in ("", "."):
                continue
            try:
                below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            except NotADirectoryError as error:
                raise _told(error, part, here) from None
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def read_beneath(folder: str, path: str, limit: int) -> bytes:
    """The bytes of the regular file `path` below `folder`, if at most `limit`.

    Raises:
        UnreadableError: If it is missing, no regular file, reached by a link,
            unreadable or larger.
    """
    from lockgate._text.files import UnreadableError, read_opened

    above, _, name = path.rpartition("/")
    try:
        with folder_beneath(folder, above) as here:
            handle = os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        raise UnreadableError("is missing") from None
    except (OSError, ValueError) as error:
        reason = _LINK if _is_link(error) else str(getattr(error, "strerror", error))
        raise UnreadableError(f"cannot be read: {reason}") from None
    return read_opened(handle, limit)


_LINK = "a part of its path is a symbolic link"


def _is_link(error: OSError | ValueError) -> bool:
    return isinstance(error, OSError) and error.errno == errno.ELOOP


def _told(error: OSError, part: str, here: int) -> OSError:
    """`error`, or that the part is a link: O_DIRECTORY is told before O_NOFOLLOW."""
    try:
        os.readlink(part, dir_fd=here)
    except OSError:
        return error
    return OSError(errno.ELOOP, _LINK, part)

"""Which limit an exception inside a sealed process speaks of.

The kernel refuses most of what goes beyond a limit inside the process, where the
host does not see it: no descriptor is left, no file may grow, no thread starts. If
the exception that comes of it ends a call or a script, its own process names the
limit to the host, which makes an error of it that is marked as a claim.
"""

# Runs in the worker: no pathlib.

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockgate_sandbox.posture import Posture

__all__ = ["CLAIM", "NOTES_LIMIT", "RIGHTS", "WHAT_CHARS", "Claims"]

NOTES_LIMIT = 200
"""Most different attempts beyond its rights that a process tells of."""

RIGHTS = frozenset({"read", "write", "net", "env", "program", "process", "import"})
"""What they are about; of the others its broker tells."""

WHAT_CHARS = 1_024
"""A name that is longer is not told: what is left of one may be another one's."""

CLAIM = "limit"
"""The word before a limit's name in a script's note."""

_EAGAIN = 11
_ENOMEM = 12
_EMFILE = 24
_EFBIG = 27
_ENOSPC = 28
_EDQUOT = 122

_BY_ERRNO = {_ENOMEM: "memory_bytes", _EMFILE: "open_files", _EFBIG: "file_bytes"}
_NOT_MAPPED = ": failed to map segment from shared object"
"""What glibc says of a library that it could not map (elf/dl-load.c)."""

_NO_ROOM = (
    ": cannot map zero-fill pages",
    ": cannot create shared object descriptor",
    ": cannot allocate dependency list",
    ": cannot allocate symbol search list",
)
"""What it says where nothing but memory can be wanting (elf/dl-map-segments.h)."""

_NO_THREAD = "can't start new thread"
"""What CPython says where pthread_create(3) fails, for whatever reason."""


class Claims:
    """Names the limit, as `Limits` calls it, that an exception came from.

    `scratch` is the folder that may be written to, or None; `sized` says that it
    is a file system of its own, which knows by itself what is used up.
    """

    def __init__(self, scratch: str | None, *, sized: bool) -> None:
        self._scratch = scratch
        self._sized = sized

    @classmethod
    def of(cls, scratch: str | None, posture: Posture) -> Claims:
        """As a freshly sealed process knows its scratch folder."""
        sized = scratch is not None and posture["scratch"].state == "active"
        return cls(scratch, sized=sized)

    def limit_of(self, error: BaseException) -> str:
        """The limit's name, or nothing where no limit of ours is behind it."""
        if isinstance(error, MemoryError):
            return "memory_bytes"
        if isinstance(error, ImportError):
            return "memory_bytes" if _lacked_memory(error) else ""
        if isinstance(error, RuntimeError):
            return "processes" if str(error) == _NO_THREAD else ""
        if not isinstance(error, OSError):
            return ""
        if error.errno == _EAGAIN:
            # A socket that has nothing to read says the same.
            return "" if _can_start_thread() else "processes"
        if error.errno in (_ENOSPC, _EDQUOT):
            return self._full(error.errno)
        return _BY_ERRNO.get(error.errno or 0, "")

    def _full(self, number: int) -> str:
        """What the scratch folder has no room for; nothing if it has room."""
        if self._scratch is None:
            return ""
        if not self._sized:
            return "inodes" if number == _EDQUOT else "disk_bytes"
        try:
            left = os.statvfs(self._scratch)
        except OSError:
            return ""
        if not left.f_ffree:
            return "inodes"
        return "" if left.f_bavail else "disk_bytes"


def _lacked_memory(error: ImportError) -> bool:
    """Whether the loader could not map a library, for another reason than its mount's.

    It says the same of both: glibc tells no errno there.
    """
    text = str(error)
    before, found, _ = text.partition(_NOT_MAPPED)
    if not found:
        return any(said in text for said in _NO_ROOM)
    words = before.split()
    place = words[-1] if words and words[-1].startswith("/") else error.path
    try:
        return not place or not os.statvfs(place).f_flag & os.ST_NOEXEC
    except OSError:
        return False


def _can_start_thread() -> bool:
    import _thread

    try:
        _thread.start_new_thread(int, ())
    except RuntimeError:
        return False
    return True

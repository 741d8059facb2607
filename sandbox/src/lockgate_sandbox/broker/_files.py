"""Files outside a worker's scratch, opened by the host and handed over open.

A granted folder is opened once, when the broker is made, by no link that a worker may
have put there (`_spelling.written`); everything below is opened
relative to it by ``openat2`` (Linux 5.6): no ``..``, no link of any kind and no magic
link leads out, however the tree is changed meanwhile. What is there is looked at
before it is opened (O_PATH), because opening a device or a pipe does something; then
the very thing that was looked at is opened. Only regular files are handed over; the
kernel's own (``/proc``, ``/sys``) only where the grant names a place there, and those
of a process never. Where such a file system is mounted elsewhere nothing in it is.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._spelling.written import WRITTEN, owners_place
from lockgate_sandbox.broker._gate import Gate
from lockgate_sandbox.broker._refusal import RefusedError
from lockgate_sandbox.callbacks import Passed
from lockgate_sandbox.errors import Data, PolicyError
from lockgate_sandbox.grants import PathGrant
from lockgate_sandbox.linux.plain import open_plain
from lockgate_sandbox.linux.pseudo import is_of_the_kernel

__all__ = ["Files"]

_TRIES = 16
"""EAGAIN means that the tree was changed on the way: ask again, not for ever."""

# Their files look regular. Those of the host's own process are its environment and
# its memory, and a grant of a folder above hardly means them.
_KERNEL_TREES = ("/proc/", "/sys/")
_PROCESS = re.compile(r"/proc/\d+/")

# Never O_TRUNC: what is opened is looked at first.
_MODES = {
    "r": os.O_RDONLY,
    "r+": os.O_RDWR,
    "w": os.O_WRONLY | os.O_CREAT,
    "w+": os.O_RDWR | os.O_CREAT,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "a+": os.O_RDWR | os.O_CREAT | os.O_APPEND,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "x+": os.O_RDWR | os.O_CREAT | os.O_EXCL,
}
# A pipe without a writer would make the host wait, a terminal become its own.
_ALWAYS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY


class Files:
    """Answers ``broker.file.open``. Owns the granted folders' descriptors.

    Raises:
        PolicyError: If a granted path can't be opened, or leads through a link that a
            worker may have made.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._roots: dict[PathGrant, int] = {}
        written = [grant.path for grant in gate.paths() if grant.write]
        WRITTEN.note(owners_place("path", path) for path in written)
        try:
            for grant in gate.paths():
                self._roots[grant] = _root(grant)
        except BaseException:
            self.close()
            raise

    @property
    def callbacks(self) -> dict[str, Callable[[dict[str, Data]], object]]:
        """What a session asks for."""
        return {"broker.file.open": self._open}

    def close(self) -> None:
        """Close the folders. What was handed over stays open."""
        while self._roots:
            os.close(self._roots.popitem()[1])

    def _open(self, arguments: dict[str, Data]) -> Passed:
        path, mode = arguments.get("path"), arguments.get("mode")
        if not isinstance(path, str) or not isinstance(mode, str) or mode not in _MODES:
            msg = f"a file is opened by a path and one of {', '.join(_MODES)}"
            raise ValueError(msg)
        writes = mode != "r"
        grant, below = self._granted(path, writes)
        what = f"{path} ({mode})"
        try:
            with self._gate.room_for(3, "path", what):
                fd = self._open_below(grant, below, _MODES[mode], what)
        except RefusedError:
            raise
        except OSError as error:
            if error.errno in (errno.EXDEV, errno.ELOOP):
                why = "a link lies on the way; the file itself must be named"
                raise self._gate.refuse("path", what, why, wanted="") from None
            self._gate.allow(grant, what, reason=error.strerror or "failed")
            raise OSError(error.errno, error.strerror, path) from None
        try:
            self._gate.allow(grant, what)
            if mode.startswith("w"):
                os.ftruncate(fd, 0)
            os.set_blocking(fd, True)
        except BaseException:
            os.close(fd)
            raise
        return Passed(None, [fd])

    def _granted(self, path: str, writes: bool) -> tuple[PathGrant, str]:
        parts = path.split("/")
        if not path.startswith("/") or {"", ".", ".."} & set(parts[1:]) or "\0" in path:
            why = "a file is named by its plain absolute path"
            raise self._gate.refuse("path", path, why, wanted="")
        reason = "no grant covers it"
        for grant in self._gate.paths():
            if not is_among(path, (grant.path,)):
                continue
            if grant.write or not writes:
                return grant, path[len(grant.path) :].lstrip("/")
            reason = "the grant is for reading only"
        raise self._gate.refuse("path", path, reason)

    def _open_below(self, grant: PathGrant, below: str, flags: int, what: str) -> int:
        root = self._roots[grant]
        if not below:
            # The very file that was there when it was granted, wherever it is now.
            return self._open_seen(root, grant, flags, what)
        for _ in range(_TRIES):
            try:
                seen = open_plain(below, os.O_PATH, beneath=root)
            except FileNotFoundError:
                if not flags & os.O_CREAT:
                    raise
            else:
                try:
                    return self._open_seen(seen, grant, flags, what)
                finally:
                    os.close(seen)
            try:  # there is nothing: what is made now is a file of our own making
                made = flags | _ALWAYS | os.O_EXCL
                return open_plain(below, made, beneath=root)
            except FileExistsError:
                if flags & os.O_EXCL:
                    raise
        raise OSError(errno.EAGAIN, "the folder is being changed")

    def _open_seen(self, seen: int, grant: PathGrant, flags: int, what: str) -> int:
        """Open what the O_PATH descriptor `seen` stands for, if it is a plain file."""
        if flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        why = _why_not(seen, grant, writes=flags & os.O_ACCMODE != os.O_RDONLY)
        if why:
            raise self._gate.refuse("path", what, why, wanted="")
        again = (flags | _ALWAYS) & ~(os.O_CREAT | os.O_NOFOLLOW)
        return os.open(f"/proc/self/fd/{seen}", again)


def _why_not(fd: int, grant: PathGrant, *, writes: bool) -> str:
    """Why what `fd` stands for is not opened; empty if it is."""
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    lends = mode & stat.S_ISUID or (mode & stat.S_ISGID and mode & stat.S_IXGRP)
    if writes and lends:
        # write(2) would take these away, a shared mapping does not.
        return "it runs with the rights of its owner, whoever starts it"
    path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - text, never resolved
    if _PROCESS.match(path):
        return "the files of processes are never handed over, the host's least of all"
    for tree in _KERNEL_TREES:
        if path.startswith(tree):
            named = f"{grant.path}/".startswith(tree)
            only = f"below {tree} only a grant that names a place there reaches"
            return "" if named else only
    return "it is the kernel's own" if is_of_the_kernel(fd) else ""


def _root(grant: PathGrant) -> int:
    try:
        return open_plain(owners_place("path", grant.path), os.O_PATH)
    except OSError as error:
        raise PolicyError(
            f"{grant.path} can't be granted: {error.strerror}",
            hint="create it first, or leave it out",
        ) from error

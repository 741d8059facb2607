"""The spare child: forked while nothing else is to do, waiting for a request.

The fork is most of what a new worker takes. The spare has run nothing but our
code, and seals itself like any other child when it gets a request.
"""

from __future__ import annotations

import _socket
import os
import struct

from lockgate_sandbox._zygote import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["Spare"]

_FDS_LIMIT = 8
_ANCILLARY_BYTES = _socket.CMSG_SPACE(_FDS_LIMIT * 4)
_CLOSE_ON_EXEC = _socket.MSG_CMSG_CLOEXEC


class Spare:
    """The zygote's spare child, if there is one.

    `prepare` is what it does at once, given the descriptors that it needs, `work` what
    it does with a request. `pid` is that of the last one.
    """

    def __init__(
        self,
        prepare: Callable[[tuple[int, ...]], None],
        work: Callable[[bytes, tuple[int, ...], _socket.socket], NoReturn],
    ) -> None:
        self._prepare = prepare
        self._work = work
        self.pid = 0
        self._sock: _socket.socket | None = None

    def __bool__(self) -> bool:
        return self._sock is not None

    def fork(self) -> None:
        """Fork it; if that fails, the next request tries, and tells."""
        try:
            mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
            pid = threads.fork()
        except OSError:  # no process or no descriptor is left
            return
        if pid:
            theirs.close()
            self.pid, self._sock = pid, mine
            return
        try:
            mine.close()
            self._prepare((theirs.fileno(),))
            kind, ancillary, _, _ = theirs.recvmsg(16, _ANCILLARY_BYTES, _CLOSE_ON_EXEC)
            if ancillary:
                packed = ancillary[0][2]
                fds = struct.unpack(f"{len(packed) // 4}i", packed)
                self._work(kind, fds, theirs)
        finally:
            os._exit(0)  # not needed after all

    def use(self, kind: bytes, fds: tuple[int, ...]) -> int:
        """Put it to work; gives its pid, or 0 if there is none."""
        if self._sock is None:
            return 0
        mine, self._sock = self._sock, None
        packed = struct.pack(f"{len(fds)}i", *fds)
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
        try:
            mine.sendmsg([kind], ancillary, _socket.MSG_NOSIGNAL)
        except OSError:  # somebody killed it
            os.waitpid(self.pid, 0)
            return 0
        finally:
            mine.close()
        return self.pid

"""Asking the warden first: for processes and for files that no kernel limit counts.

A filter stops each call in question until the warden has answered: go on, or an
errno. It decides by the call's number alone. Nothing is read from the caller's
memory, so there is nothing that it could change after the look.

If the warden dies, the kernel answers ENOSYS in its place: nobody waits for ever.

A signal that arrives before the warden has read the question ends the call with
EINTR where its handler does not ask for a restart. It can't be prevented, only
made rare: a thread waits in the very call that reads.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import struct
import time

from lockgate_sandbox._watch.room import FileRoom
from lockgate_sandbox._watch.tasks import TaskRoom
from lockgate_sandbox.linux._libc import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Counter", "hand_over", "take_over"]

# include/uapi/linux/seccomp.h: SECCOMP_IOCTL_NOTIF_RECV and _SEND, the size of
# struct seccomp_notif (id, pid, flags, then the call's number), struct
# seccomp_notif_resp.
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_REQUEST_BYTES = 80
_REQUEST = struct.Struct("=QIIi")
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
_SET_FLAGS = 0x40082104  # SECCOMP_IOCTL_NOTIF_SET_FLAGS, from Linux 6.6
_SYNC_WAKE_UP = 1  # SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

_TERMS = struct.Struct("=iqq")
"""The limits handed over: tasks (0: not counted), bytes, inodes."""

_PAUSE_SECONDS = 0.002

_STARTS = frozenset(NUMBERS.get(name, -1) for name in ("clone", "fork", "vfork"))
# They make nothing, but a folder must not move while its files are counted.
_MOVES = frozenset(NUMBERS.get(n, -1) for n in ("rename", "renameat", "renameat2"))


def hand_over(
    sock: int, listener: int, tasks: int, scratch: tuple[str, int, int] | None
) -> None:
    """Give the warden the filter's `listener` and what to count.

    `tasks` is their limit, or 0; `scratch` a folder with its bytes and inodes.

    Raises:
        OSError: If the warden is gone.
    """
    fds = [listener]
    folder, held, inodes = scratch or ("", 0, 0)
    if scratch:
        fds.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    ancillary = [
        (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))
    ]
    channel = _socket.socket(fileno=os.dup(sock))
    try:
        channel.sendmsg([_TERMS.pack(tasks, held, inodes)], ancillary)
    finally:
        channel.close()
        for fd in fds:
            os.close(fd)


def take_over(sock: _socket.socket) -> Counter | None:
    """What the worker handed over; None if it closed its end and needs none."""
    room = _socket.CMSG_SPACE(2 * struct.calcsize("i"))
    data, ancillary, _, _ = sock.recvmsg(64, room, _socket.MSG_CMSG_CLOEXEC)
    if not data or not ancillary:
        return None
    packed = ancillary[0][2]
    listener, *folder = struct.unpack(f"{len(packed) // 4}i", packed)
    tasks, held, inodes = _TERMS.unpack(data)
    return Counter(
        listener,
        TaskRoom(tasks) if tasks else None,
        FileRoom(folder[0], held, inodes) if folder else None,
    )


class Counter:
    """Answers for one tree: everything below the calling process."""

    def __init__(
        self, listener: int, tasks: TaskRoom | None, files: FileRoom | None
    ) -> None:
        self._listener = listener
        self._tasks = tasks
        self.files = files

    @property
    def refused(self) -> set[str]:
        """The names of the limits that something was refused for."""
        found = set(self.files.refused) if self.files else set[str]()
        if self._tasks and self._tasks.refused:
            found.add("processes")
        return found

    def end(self) -> None:
        """Let no process or thread be started any more."""
        if self._tasks is not None:
            self._tasks.end()

    def serve(self) -> NoReturn:
        """Answer question after question, on a thread of its own."""
        import signal  # here, because a sealed child has this module too

        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._take_turns()
        while True:
            request = bytearray(_REQUEST_BYTES)
            try:
                fcntl.ioctl(self._listener, _RECEIVE, request)
            except OSError:
                # The caller died or was interrupted, or nobody is left to ask.
                time.sleep(_PAUSE_SECONDS)
                continue
            number, thread, _, call = _REQUEST.unpack_from(request)
            self._answer(number, self._judge(call, thread))

    def _take_turns(self) -> None:
        """Have asker and answerer wake each other on one processor."""
        try:
            fcntl.ioctl(self._listener, _SET_FLAGS, _SYNC_WAKE_UP)
        except OSError:  # an older kernel: only slower
            return

    def _judge(self, call: int, thread: int) -> int:
        """0 to let `call` of `thread` go on, or the errno that it fails with."""
        if call in _STARTS:
            return self._tasks.ask(thread) if self._tasks else 0
        if self.files is None:
            return 0
        if call in _MOVES:
            self.files.move(thread)
            return 0
        return self.files.ask(thread)

    def _answer(self, number: int, refusal: int) -> None:
        flags = 0 if refusal else _GO_ON
        answer = bytearray(_ANSWER.pack(number, 0, -refusal, flags))
        try:
            fcntl.ioctl(self._listener, _SEND, answer)
        except OSError:
            return  # it died meanwhile

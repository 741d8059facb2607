"""Counting a tree's processes where no limit of the kernel's does.

uid 0 is bound by no RLIMIT_NPROC. Where it can have neither a uid of its own nor a
control group, a filter stops each call that starts a process or a thread until the
warden has answered: go on, or EAGAIN. Nothing is read from the caller's memory, so
there is nothing that it could change after the look.

A signal that arrives before the warden has read the question ends the call with
EINTR where its handler does not ask for a restart. It can't be prevented, only
made rare: a thread waits in the very call that reads.
"""

# /proc is read for every fork: no pathlib.
# ruff: noqa: PTH208

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import struct
import time

from lockgate_sandbox import _tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["ForkCounter", "hand_over", "take_over"]

# include/uapi/linux/seccomp.h: SECCOMP_IOCTL_NOTIF_RECV and _SEND, the size of
# struct seccomp_notif, struct seccomp_notif_resp.
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_REQUEST_BYTES = 80
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE

_LIMIT = struct.Struct("=i")

_SETTLE_SECONDS = 0.05
"""How long a granted start may take until it is seen; then it has failed or ended."""

_PAUSE_SECONDS = 0.002


def hand_over(sock: int, listener: int, limit: int) -> None:
    """Give the warden the filter's `listener` and the number of tasks to allow.

    Raises:
        OSError: If the warden is gone.
    """
    packed = struct.pack("i", listener)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
    channel = _socket.socket(fileno=os.dup(sock))
    try:
        channel.sendmsg([_LIMIT.pack(limit)], ancillary)
    finally:
        channel.close()


def take_over(sock: _socket.socket) -> ForkCounter | None:
    """What the worker handed over; None if it closed its end and needs none."""
    room = _socket.CMSG_SPACE(struct.calcsize("i"))
    data, ancillary, _, _ = sock.recvmsg(16, room, _socket.MSG_CMSG_CLOEXEC)
    if not data or not ancillary:
        return None
    (listener,) = struct.unpack("i", ancillary[0][2])
    return ForkCounter(listener, *_LIMIT.unpack(data))


class ForkCounter:
    """Answers for one tree: everything below the calling process.

    When it ends, at the latest with this process, whoever asks gets ENOSYS.
    """

    def __init__(self, listener: int, limit: int) -> None:
        self._listener = listener
        self._limit = limit
        self._seen: set[str] = set()
        self._granted: list[float] = []

    def serve(self) -> NoReturn:
        """Answer question after question, on a thread of its own."""
        import signal  # here, because a sealed child has this module too

        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            request = bytearray(_REQUEST_BYTES)
            try:
                fcntl.ioctl(self._listener, _RECEIVE, request)
            except OSError:
                # The caller died or was interrupted, or nobody is left to ask.
                time.sleep(_PAUSE_SECONDS)
                continue
            (number,) = struct.unpack_from("=Q", request)
            self._answer(number)

    def _answer(self, number: int) -> None:
        error, flags = -errno.EAGAIN, 0
        if self._has_room():
            self._granted.append(time.monotonic())
            error, flags = 0, _GO_ON
        answer = bytearray(_ANSWER.pack(number, 0, error, flags))
        try:
            fcntl.ioctl(self._listener, _SEND, answer)
        except OSError:
            return  # it died meanwhile

    def _has_room(self) -> bool:
        """Whether one more fits; waits where that only depends on starts under way."""
        while True:
            tasks = _tasks()
            # Whatever is new was granted before, in the order of the grants.
            del self._granted[: len(tasks - self._seen)]
            self._seen = tasks
            if len(tasks) >= self._limit:
                return False
            since = time.monotonic() - _SETTLE_SECONDS
            self._granted = [when for when in self._granted if when > since]
            if len(tasks) + len(self._granted) < self._limit:
                return True
            time.sleep(_PAUSE_SECONDS)


def _tasks() -> set[str]:
    """The ids of all threads of all processes below this one.

    Looked for twice: a process whose parent dies during the first walk may be
    missed by it, and has its new parent, this process, in the second.
    """
    found: set[str] = set()
    for _ in range(2):
        for pid in _tree.descendants(os.getpid()):
            try:
                found.update(os.listdir(f"/proc/{pid}/task"))
            except OSError:
                continue
    return found

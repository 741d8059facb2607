"""The zygote as the first process of a pid namespace: all below it die with it.

Only children enter a pid namespace, so the zygote goes on in a grandchild::

    first (the keeper's child)       waits, announces the second, is killed
      middle                         unshares, forks, exits
        second (pid 1 inside)        mounts a ``/proc`` of its own, goes on

Whoever is refused by the kernel stays the first, without such a namespace.
"""

from __future__ import annotations

import _socket
import os
import select

from lockgate_sandbox.linux import namespaces
from lockgate_sandbox.linux._libc import prctl, reason

__all__ = ["become_init"]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGKILL = 9


def become_init(keeper: int) -> bool:
    """Go on as pid 1 of a new pid namespace: whether that is so.

    The keeper reads the new process id from the pipe `keeper`, as this process sees
    it. Must be called in a single-threaded process, after
    `namespaces.enter_zygote_namespaces`. What is not permitted is told by
    `namespaces.inherited`, not raised.
    """
    if not namespaces.has_own_mounts():
        refused = "there are no own mounts for its /proc"
        namespaces.note_pid_namespace(refused, namespaces.REMEDY)
        return False
    # Until it is announced the second is below this process: the keeper kills
    # whatever else becomes a child of its own.
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    mine, theirs = _socket.socketpair()
    first = os.pidfd_open(os.getpid())
    middle = os.fork()
    if not middle:
        mine.close()
        _divide(theirs)
        _outlive(first)
        return True
    os.close(first)
    theirs.close()
    told = mine.recv(4096)
    mine.close()
    os.waitpid(middle, 0)
    if told.isdigit():
        os.write(keeper, told + b"\n")
        while True:  # until the keeper has heard it, and kills this process
            select.select([], [], [])
    while _reaped():
        pass
    prctl(_PR_SET_CHILD_SUBREAPER, 0)
    refused = told.decode() or "its first process ended at once"
    namespaces.note_pid_namespace(refused, namespaces.PROC_REMEDY)
    return False


def _divide(told: _socket.socket) -> None:
    """Be the middle, and return in the second only."""
    try:
        namespaces.unshare_pids()
        if os.fork():
            os._exit(0)
        number = namespaces.own_proc()
    except OSError as error:
        told.send((reason(error) or "refused").encode())
        os._exit(0)
    namespaces.note_pid_namespace("")
    told.send(str(number).encode())
    told.close()


def _outlive(first: int) -> None:
    """Wait for the first to end: then the keeper is the parent, to die with."""
    poll = select.poll()
    poll.register(first, select.POLLIN)
    poll.poll()
    os.close(first)
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def _reaped() -> bool:
    try:
        return bool(os.waitpid(-1, 0))
    except ChildProcessError:
        return False

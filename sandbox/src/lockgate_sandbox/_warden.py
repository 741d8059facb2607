"""The warden: the parent of one worker that may fork.

It is forked from the zygote, runs our code only and stays outside the seal. As a
subreaper it inherits every orphan of the worker, so that nothing escapes by
forking twice, and it ends only when all of them are dead and reaped. Where the
kernel does not count the worker's processes, it does (`_forks`).
"""

from __future__ import annotations

import _socket
import _thread
import ctypes
import os
import select
import signal

from lockgate_sandbox import _forks, _life, _tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["watch"]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _on_child(_number: int, _frame: object) -> None:
    # Only there so that the signal is not ignored but wakes the poll.
    return


def watch(
    become: Callable[[int], NoReturn],
    channel: int,
    life: _socket.socket,
    stdio: list[int],
) -> NoReturn:
    """Fork the worker, report its pidfd and this process's, outlive its tree.

    `become` is what the worker does; it gets its socket to this process.
    """
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    worker = os.fork()
    if not worker:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        mine.close()
        become(theirs.fileno())
    # Only now: the worker must not inherit either.
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _on_child)
    theirs.close()
    for fd in (channel, *stdio):
        os.close(fd)
    pidfd, own = os.pidfd_open(worker), os.pidfd_open(os.getpid())
    _life.tell(life, _life.RUNS, (pidfd, own))
    os.close(own)
    poll = select.poll()
    # The pidfd: it may be dead by now.
    for fd in (wake, life.fileno(), pidfd, mine.fileno()):
        poll.register(fd, select.POLLIN)
    status, cpu, peak = _until_end(poll, wake, life.fileno(), worker, mine)
    _life.tell(life, _life.EXIT.pack(b"X", status, cpu, peak))
    os._exit(0)


def _until_end(
    poll: select.poll, wake: int, life: int, worker: int, sealing: _socket.socket
) -> tuple[int, float, int]:
    status, cpu, peak = None, 0.0, 0
    while status is None or _tree.children(os.getpid()):
        ready = {fd for fd, _ in poll.poll()} if status is None else set[int]()
        if wake in ready:
            os.read(wake, 4096)
        if life in ready:  # the host shut it down or is gone
            poll.unregister(life)
            _tree.kill_descendants()
        if sealing.fileno() in ready:  # said once, if at all
            poll.unregister(sealing.fileno())
            counter = _forks.take_over(sealing)
            if counter is not None:
                # Nothing is forked here any more, so a thread does no harm.
                _thread.start_new_thread(counter.serve, ())
        if status is not None:
            _tree.kill_descendants()
        for pid, how, used, most in _tree.reap(block=status is not None):
            cpu, peak = cpu + used, max(peak, most)
            if pid == worker:
                status = how
    return status, cpu, peak

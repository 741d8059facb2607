"""The warden: the parent of one worker that may fork.

It is forked from the zygote, runs our code only and stays outside the seal. As a
subreaper it inherits every orphan of the worker, so that nothing escapes by
forking twice, and it ends only when all of them are dead and reaped. Where the
kernel does not count the worker's processes or files, it does (`_seal.counter`).
"""

from __future__ import annotations

import _socket
import _thread
import ctypes
import os
import select
import signal

from lockgate_sandbox._seal import counter
from lockgate_sandbox._watch import room, tree
from lockgate_sandbox._watch.tasks import fill_their_limit
from lockgate_sandbox._wire.life import COUNTED, EXIT, RUNS, tell

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
    tell(life, RUNS, (pidfd, own))
    os.close(own)
    poll = select.poll()
    # The pidfd: it may be dead by now.
    for fd in (wake, life.fileno(), pidfd, mine.fileno()):
        poll.register(fd, select.POLLIN)
    ward = _Ward(worker, mine)
    ward.until_end(poll, wake, life.fileno())
    tell(life, ward.exit())
    os._exit(0)


class _Ward:
    """The worker and its tree, from now to their end."""

    def __init__(self, worker: int, sealing: _socket.socket) -> None:
        self._worker = worker
        self._sealing = sealing
        self._counter: counter.Counter | None = None
        self._status: int | None = None
        self._full = False
        self._cpu, self._peak = 0.0, 0
        self._spent = -1.0

    def until_end(self, poll: select.poll, wake: int, life: int) -> None:
        """Reap, count and kill until nothing is left of the tree."""
        while self._status is None or tree.children(os.getpid()):
            ready = set[int]()
            if self._status is None:
                ready = {fd for fd, _ in poll.poll(self._patience())}
            if wake in ready:
                os.read(wake, 4096)
            if life in ready:  # the host shut it down or is gone
                poll.unregister(life)
                self._kill_all()
            if self._sealing.fileno() in ready:  # said once, if at all
                poll.unregister(self._sealing.fileno())
                self._begin_to_count()
            if self._status is not None or self._overflows():
                self._kill_all()
            for pid, how, used, most in tree.reap(block=self._status is not None):
                self._cpu, self._peak = self._cpu + used, max(self._peak, most)
                if pid == self._worker:
                    self._status = how
                    failed = os.WIFEXITED(how) and how != 0
                    self._full = failed and fill_their_limit()

    def exit(self) -> bytes:
        """What is told of the end."""
        counted = {*(self._counter.refused if self._counter else ())}
        if self._full:
            counted.add("processes")
        bits = sum(1 << n for n, name in enumerate(COUNTED) if name in counted)
        return EXIT.pack(b"X", self._status, self._cpu, self._peak, bits)

    def _kill_all(self) -> None:
        if self._counter is not None:
            self._counter.end()  # nobody outruns the killer who may start nothing more
        tree.kill_descendants()

    def _begin_to_count(self) -> None:
        self._counter = counter.take_over(self._sealing)
        if self._counter is not None:
            # Nothing is forked here any more, so a thread does no harm.
            _thread.start_new_thread(self._counter.serve, ())

    def _patience(self) -> float | None:
        """How long to wait for an event, in ms: for ever where nothing is looked at."""
        if self._counter is None or self._counter.files is None:
            return None
        return room.LOOK_SECONDS * 1000

    def _overflows(self) -> bool:
        """Whether the scratch folder holds too many bytes; an idle tree writes none."""
        files = self._counter.files if self._counter else None
        if files is None or not files.is_due():
            return False
        spent = tree.cpu_seconds(self._worker)
        if spent == self._spent and len(tree.children(os.getpid())) < 2:
            return False
        self._spent = spent
        return files.overflows()

"""What a zygote does that has foreign code loaded: import it, then fork workers.

It is a sealed worker before the first foreign byte, with the complete policy but
for the right to fork; it holds no right that its workers lack, and nobody else's.
What it tells and what its children do after the fork is foreign code's word. So
the host takes posture, pid and limits from elsewhere, and what a child adds to its
seal (a filter without fork, a Landlock domain of its own) binds a hostile plugin on
honest libraries, but not the libraries.

Requests are those of the common zygote without the plan::

    b"W" + fds [channel, life, stdin, stdout, stderr]
"""

from __future__ import annotations

import _socket
import gc
import os
import select
import struct
import sys
from contextlib import suppress
from importlib import import_module

from lockgate_sandbox._inside.stage import Stage, set_scene
from lockgate_sandbox._watch import tree
from lockgate_sandbox._wire.life import EXIT, FAILED, RUNS, tell
from lockgate_sandbox._zygote import packing, rehearsal, spare, threads
from lockgate_sandbox.linux import landlock, seccomp
from lockgate_sandbox.linux._libc import carry_out, prepared
from lockgate_sandbox.linux.descriptors import close_all_but, close_packed
from lockgate_sandbox.linux.seccomp import put_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from lockgate_sandbox._seal.sealplan import SealPlan
    from lockgate_sandbox._wire.guest_end import GuestChannel

__all__ = ["HELLO", "Nest", "preload", "settle"]

HELLO = b"H"
"""A worker's first packet: the kernel tells the host whose it is."""

_FDS = struct.Struct("5i")
_ANCILLARY_BYTES = _socket.CMSG_SPACE(_FDS.size)
_PR_SET_PDEATHSIG = 1

# Below the module `signal`, which looks each number up by way of its class.
_signal: Any = import_module("_signal")
_set_wakeup, _set_handler = _signal.set_wakeup_fd, _signal.signal
_SIGCHLD, _SIG_DFL = _signal.SIGCHLD, _signal.SIG_DFL
_getpid, _dup2 = os.getpid, os.dup2
_modules: dict[str, Any] = sys.modules
_IDLE_MILLISECONDS = 2


def preload(names: list[str]) -> None:
    """Import each module."""
    for name in names:
        import_module(name)


def settle(channel: GuestChannel, stage: Stage, path: list[str]) -> None:
    """Keep what the modules made from being copied, and what workers will do anyway.

    `path` are their import folders, if what they find is to be set for all of them.
    """
    with suppress(Exception):  # foreign code may be in the way; the starts will tell
        rehearsal.practise(channel, stage)
        if threads.settle() and path:
            set_scene(path)
            stage.path = path
    packing.fill_holes()
    gc.freeze()


def _seed_anew() -> None:
    """Draw other random numbers than the other children; `random` sees to that itself.

    numpy is what nobody expects it of: its functions have a generator that is seeded
    when it is imported. What else a library drew then, only the library knows.
    """
    with suppress(Exception):
        _modules["numpy.random"].seed()


def _on_child(_number: int, _frame: object) -> None:
    # Only there so that the signal is not ignored but wakes the poll.
    return


class Nest:
    """Forks a worker for each request of the host.

    `plan` is its own, `ruleset` the Landlock ruleset that it was sealed by, or -1;
    `work` is what a worker does once the channel is its own. `may_copy` says whether a
    worker could fork.
    """

    def __init__(
        self,
        channel: GuestChannel,
        plan: SealPlan,
        ruleset: int,
        work: Callable[[], NoReturn],
    ) -> None:
        self._channel = channel
        self._control = channel.socket
        self._work = work
        own = [
            prepared("prctl", _PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0),
            prepared("setsid"),
            *(landlock.restricting(ruleset) if ruleset >= 0 else ()),
        ]
        code, places = bytearray(), list[int]()
        self.may_copy = plan.programs
        if "worker" in plan.filters and plan.modes["seccomp"] != "off":
            self._filter = seccomp.Filter(*plan.filters["worker"])
            own += self._filter.calls
            code, places = self._filter.code, self._filter.places
        else:
            self.may_copy = True
        # Together, so that a child looks up one thing instead of three.
        self._becoming = own, code, places
        self._lives: dict[int, _socket.socket] = {}
        self._spare = spare.Spare(self._prepare, self._use)

    def serve(self) -> NoReturn:
        """Serve until the host closes the channel."""
        wake, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _on_child)
        poll = select.poll()
        poll.register(self._control.fileno(), select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            patience = None if self._spare else _IDLE_MILLISECONDS
            ready = {fd for fd, _ in poll.poll(patience)}
            if not ready:
                self._spare.fork()
            if wake in ready:
                os.read(wake, 4096)
                self._reap()
            if self._control.fileno() in ready:
                self._request()

    def _request(self) -> None:
        data, ancillary, flags, _ = self._control.recvmsg(
            16, _ANCILLARY_BYTES, _socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            os._exit(0)  # the warden ends what is left
        packed = ancillary[0][2] if ancillary else b""
        if flags & _socket.MSG_CTRUNC or len(packed) != _FDS.size:
            close_packed(packed)  # out of them: the host sees its ends close
            return
        fds = _FDS.unpack(packed)
        life = _socket.socket(fileno=fds[1])
        try:
            pid = self._spare.use(data, fds)
            if not pid:
                pid = threads.fork()
                if not pid:
                    self._prepare(tuple(sorted(fds)))
                    self._use(data, fds)
            self._lives[pid] = life
            tell(life, RUNS)
        except OSError as error:
            tell(life, FAILED + os.strerror(error.errno or 0).encode())
            life.close()
        for fd in (fds[0], *fds[2:]):
            os.close(fd)

    def _reap(self) -> None:
        for pid, status, cpu, peak in tree.reap():
            life = self._lives.pop(pid, None)
            if life is not None:
                tell(life, EXIT.pack(b"X", status, cpu, peak, 0))
                life.close()

    def _prepare(self, kept: tuple[int, ...]) -> None:
        """Be a child: a session, a filter and a Landlock domain of its own.

        Of this process's descriptors it has only those that are `kept`, which ascend.
        """
        _set_wakeup(-1)
        _set_handler(_SIGCHLD, _SIG_DFL)
        own, code, places = self._becoming
        pid = _getpid()
        for place in places:
            put_number(code, place, pid)
        for call in own:
            carry_out(call)
        # By their numbers: a socket that is dropped before it is closed is warned of.
        close_all_but(*kept)

    def _use(
        self,
        _kind: bytes,
        fds: tuple[int, ...],
        waited: _socket.socket | None = None,
    ) -> NoReturn:
        """Be the worker that has the descriptors `fds`, which came on `waited`."""
        channel, _life, read, written, complained = fds
        try:
            _dup2(read, 0)
            _dup2(written, 1)
            _dup2(complained, 2)
            if waited is None:
                waited = _socket.socket(fileno=channel)
            else:  # one of the same kind: then none has to be made
                channel = _dup2(channel, waited.fileno(), False)
            self._channel.socket = waited
            close_all_but(channel)
            waited.send(HELLO)
            if "numpy.random" in _modules:
                _seed_anew()
            self._work()
        finally:
            os._exit(70)

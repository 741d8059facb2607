"""The zygote: the lean, single-threaded process that workers are forked from.

The keeper executes this file with ``-I -S`` and an allow-listed environment. It
imports the runtime and nothing else, freezes the garbage collector and then
forks one child for each request on the control socket (``SOCK_SEQPACKET``)::

    b"W" + fds [channel, life, stdin, stdout, stderr, settings, perhaps a ruleset]
        a worker that can't fork
    b"T" + the same
        a tree, under a warden

`settings` is a memory file with the plan to seal the child by, its environment and
the like. Only the child reads it: whatever this process ever held, all its later
children hold too. With the letter in lower case the child is forked when nothing
else is to do, or somebody says that it is wanted now::

    b"N"

`life` tells of one child. The zygote sends the pidfd of the child when it runs
and, when it is dead and reaped, `EXIT`; if the host shuts its end down or dies,
the child is killed. Several host threads may ask at once: nothing is shared
between requests, and the answer comes on the request's own socket.

Where it is the first process of a pid namespace (`_zygote.init`) it is the one that
gets the orphans of a killed warden, and ends them; else the keeper is told to.

``argv``: control fd, fd to wake the keeper, folder of the codec, "1" to enter
namespaces, "2" to enter one of process ids too, the sandbox's folder.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH100, PTH120

from __future__ import annotations

import _sitebuiltins
import _socket
import builtins
import ctypes
import gc
import os
import select
import struct
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Protocol

    class Trade(Protocol):
        """What the children do; a module is one."""

        @property
        def work(self) -> Callable[[bool, tuple[int, ...], bool], NoReturn]: ...


def adopt(name: str, folder: str) -> None:
    """Make a package importable from `folder` without running its ``__init__``."""
    package = types.ModuleType(name)
    package.__path__ = [folder]
    sys.modules[name] = package


if __name__ == "__main__":
    _HERE = os.path.dirname(os.path.abspath(__file__))
    adopt("lockgate_sandbox", os.path.dirname(_HERE))
    # Not the codec's own __init__, which imports far more than is needed here.
    adopt("msgspec", sys.argv[3])

# By the place given just now.
from lockgate_sandbox._watch import tree as _tree  # noqa: E402
from lockgate_sandbox._wire import life as _life  # noqa: E402
from lockgate_sandbox._zygote import packing, spare  # noqa: E402
from lockgate_sandbox.linux.descriptors import close_packed  # noqa: E402

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_IDLE_SECONDS = 0.002
"""How long nothing must be asked before a spare child is forked."""

TREE = b"T"
NOW = b"N"
_FDS_LIMIT = 7
_ANCILLARY_BYTES = _socket.CMSG_SPACE(_FDS_LIMIT * 4)


_libc_prctl = ctypes.CDLL(None).prctl


def _prctl(option: int, value: int) -> None:
    _libc_prctl(option, value, 0, 0, 0)


class _Child:
    """A child at work, the pidfd that reports its end, the socket that tells.

    Without a socket: an orphan.
    """

    __slots__ = ("life", "pid", "pidfd", "tree")

    def __init__(self, pid: int, life: _socket.socket | None, tree: bool) -> None:
        self.pid = pid
        self.life = life
        self.tree = tree
        self.pidfd = os.pidfd_open(pid)


class Zygote:
    """The loop: requests, deaths, hosts that lose interest, and a spare child."""

    def __init__(self, control: _socket.socket, sweep: int, trade: Trade) -> None:
        self._control = control
        self._sweep = sweep
        self._trade = trade
        self._epoll = select.epoll()
        self._epoll.register(control.fileno(), select.EPOLLIN)
        self._by_life: dict[int, _Child] = {}
        self._by_pidfd: dict[int, _Child] = {}
        self._spare = spare.Spare(self._let_go, self._work)
        self._later: list[tuple[bytes, tuple[int, ...]]] = []

    def serve(self) -> None:
        """Serve until the host closes the control socket."""
        control = self._control.fileno()
        while True:
            # One at a time: a number closed for the first event of a batch could
            # name another child's socket when its second one is looked at.
            busy = self._later or not self._spare
            events = self._epoll.poll(_IDLE_SECONDS if busy else None, 1)
            if events:
                fd = events[0][0]
                if fd == control:
                    if not self._request():
                        return
                elif fd in self._by_pidfd:
                    self._reap(self._by_pidfd.pop(fd))
                elif fd in self._by_life:
                    self._abandon(self._by_life[fd])
            elif self._later:
                self._answer(*self._later.pop(0))
            else:
                self._spare.fork()

    def _request(self) -> bool:
        kind, ancillary, flags, _ = self._control.recvmsg(
            16, _ANCILLARY_BYTES, _socket.MSG_CMSG_CLOEXEC
        )
        if not kind:
            return False
        if kind == NOW:
            while self._later:  # and without practising, which takes longer
                kind, fds = self._later.pop(0)
                self._answer(kind.upper(), fds)
            return True
        packed = ancillary[0][2] if ancillary else b""
        if flags & _socket.MSG_CTRUNC or not packed:
            close_packed(packed)  # out of descriptors: the host sees its ends close
            return True
        fds = struct.unpack(f"{len(packed) // 4}i", packed)
        if kind.islower():
            self._later.append((kind, fds))
        else:
            self._answer(kind, fds)
        return True

    def _answer(self, kind: bytes, fds: tuple[int, ...]) -> None:
        life = _socket.socket(fileno=fds[1])
        try:
            self._start(kind, fds, life)
        except OSError as error:
            _life.tell(life, _life.FAILED + os.strerror(error.errno or 0).encode())
            life.close()
        for fd in (fds[0], *fds[2:]):
            os.close(fd)

    def _start(self, kind: bytes, fds: tuple[int, ...], life: _socket.socket) -> None:
        pid = self._spare.use(kind, fds)
        if not pid:
            pid = os.fork()
            if not pid:
                try:
                    self._let_go()
                    self._work(kind, fds)
                finally:
                    os._exit(70)  # EX_SOFTWARE: it does not come back
        try:
            child = self._watch(_Child(pid, life, kind.upper() == TREE))
        except OSError:  # out of descriptors: then it may not run unwatched
            os.kill(pid, _SIGKILL)
            os.waitpid(pid, 0)
            raise
        if child.tree:
            life.close()  # the warden's business
            return
        _life.tell(life, _life.RUNS, (child.pidfd,))
        self._epoll.register(life.fileno(), select.EPOLLIN)
        self._by_life[life.fileno()] = child

    def _watch(self, child: _Child) -> _Child:
        self._epoll.register(child.pidfd, select.EPOLLIN)
        self._by_pidfd[child.pidfd] = child
        return child

    def _let_go(self, _kept: tuple[int, ...] = ()) -> None:
        """Be a child: without what only the zygote itself may hold."""
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        self._epoll.close()
        self._control.close()

    def _work(
        self, kind: bytes, fds: tuple[int, ...], _waited: object = None
    ) -> NoReturn:
        try:
            self._trade.work(kind.upper() == TREE, fds, kind.islower())
        finally:
            os._exit(70)

    def _abandon(self, child: _Child) -> None:
        assert child.life is not None  # noqa: S101 - it was found by it
        self._epoll.unregister(child.life.fileno())
        del self._by_life[child.life.fileno()]
        os.kill(child.pid, _SIGKILL)  # unreaped, so the pid is still its own

    def _reap(self, child: _Child) -> None:
        _, status, usage = os.wait4(child.pid, 0)
        # By hand: a sibling forked meanwhile may still hold a copy, and as long as
        # it does, epoll reports the number that is about to be used again.
        self._epoll.unregister(child.pidfd)
        os.close(child.pidfd)
        if child.tree or child.life is None:
            self._end_orphans()  # a killed warden leaves some, and they do
            return
        cpu = usage.ru_utime + usage.ru_stime
        _life.tell(child.life, _life.EXIT.pack(b"X", status, cpu, usage.ru_maxrss, 0))
        if self._by_life.pop(child.life.fileno(), None) is not None:
            self._epoll.unregister(child.life.fileno())
        child.life.close()

    def _end_orphans(self) -> None:
        """End what became a child of this process, or have the keeper do it."""
        if self._sweep >= 0:
            os.write(self._sweep, b".")
            return
        known = {child.pid for child in self._by_pidfd.values()}
        if self._spare:
            known.add(self._spare.pid)
        _tree.kill_descendants(frozenset(known))
        for pid in set(_tree.children(os.getpid())) - known:
            self._watch(_Child(pid, None, tree=True))


def _main() -> None:
    control_fd, sweep = int(sys.argv[1]), int(sys.argv[2])
    wanted = sys.argv[4]
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    from lockgate_sandbox._zygote import child as _child
    from lockgate_sandbox._zygote import init
    from lockgate_sandbox._zygote import trade as _trade
    from lockgate_sandbox.linux import rlimits
    from lockgate_sandbox.linux.namespaces import enter_zygote_namespaces

    os.set_inheritable(control_fd, False)
    os.set_inheritable(sweep, False)
    if wanted != "0":
        # Sealed children need the interpreter even where it lies in a folder
        # that is closed to their uid.
        enter_zygote_namespaces([sys.base_prefix, sys.prefix])
    if wanted == "2" and init.become_init(sweep):
        os.close(sweep)
        sweep = -1
    # It holds a descriptor or two of each worker; they get a limit of their own.
    rlimits.raise_open_files()
    control = _socket.socket(fileno=control_fd)
    zygote = Zygote(control, sweep, _trade)
    # What `site` would have added and everybody uses; -S leaves it out.
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    _child.forget_runtime()
    os.umask(0o022)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _trade.practise()
    packing.fill_holes()
    gc.freeze()
    zygote.serve()


if __name__ == "__main__":
    _main()

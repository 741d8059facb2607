"""The zygote: the lean, single-threaded process that workers are forked from.

The keeper executes this file with ``-I -S`` and an allow-listed environment. It
imports the runtime and nothing else, freezes the garbage collector and then
forks one child for each request on the control socket (``SOCK_SEQPACKET``)::

    b"W" + fds [channel, life, stdin, stdout, stderr]   a worker that can't fork
    b"T" + the same                                     a tree, under a warden

`life` tells of one child. The zygote sends the pidfd of the child when it runs
and, when it is dead and reaped, `EXIT`; if the host shuts its end down or dies,
the child is killed. Several host threads may ask at once: nothing is shared
between requests, and the answer comes on the request's own socket.

``argv``: control fd, fd to wake the keeper, folder of the codec, "1" to enter
namespaces.
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
        def rehearse(self) -> Callable[[], None]: ...
        @property
        def work(self) -> Callable[[bool, int, int, list[int]], NoReturn]: ...


def adopt(name: str, folder: str) -> None:
    """Make a package importable from `folder` without running its ``__init__``."""
    package = types.ModuleType(name)
    package.__path__ = [folder]
    sys.modules[name] = package


if __name__ == "__main__":
    adopt("lockgate_sandbox", os.path.dirname(os.path.abspath(__file__)))
    # Not the codec's own __init__, which imports far more than is needed here.
    adopt("msgspec", sys.argv[3])

from lockgate_sandbox import _life  # noqa: E402 - by the place given just now

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_IDLE_SECONDS = 0.002
"""How long nothing must be asked before a spare child is forked."""

TREE = b"T"
_FDS = struct.Struct("5i")
_ANCILLARY_BYTES = _socket.CMSG_SPACE(_FDS.size)


_libc_prctl = ctypes.CDLL(None).prctl


def _prctl(option: int, value: int) -> None:
    _libc_prctl(option, value, 0, 0, 0)


class _Child:
    """A child at work, the pidfd that reports its end, the socket that tells."""

    __slots__ = ("life", "pid", "pidfd", "tree")

    def __init__(self, pid: int, life: _socket.socket, tree: bool) -> None:
        self.pid = pid
        self.life = life
        self.tree = tree
        self.pidfd = os.pidfd_open(pid)


class Zygote:
    """The loop: requests, deaths, hosts that lose interest, and a spare child.

    The spare is forked while nothing else is to do and waits for a request: the
    fork is most of what a new worker takes. It has run nothing but our code.
    """

    def __init__(self, control: _socket.socket, sweep: int, trade: Trade) -> None:
        self._control = control
        self._sweep = sweep
        self._trade = trade
        self._epoll = select.epoll()
        self._epoll.register(control.fileno(), select.EPOLLIN)
        self._by_life: dict[int, _Child] = {}
        self._by_pidfd: dict[int, _Child] = {}
        self._spare: tuple[int, _socket.socket] | None = None

    def serve(self) -> None:
        """Serve until the host closes the control socket."""
        control = self._control.fileno()
        while True:
            # One at a time: a number closed for the first event of a batch could
            # name another child's socket when its second one is looked at.
            patience = None if self._spare else _IDLE_SECONDS
            events = self._epoll.poll(patience, 1)
            if not events:
                self._fork_spare()
            for fd, _ in events:
                if fd == control:
                    if not self._request():
                        return
                elif fd in self._by_pidfd:
                    self._reap(self._by_pidfd.pop(fd))
                elif fd in self._by_life:
                    self._abandon(self._by_life[fd])

    def _request(self) -> bool:
        data, ancillary, flags, _ = self._control.recvmsg(
            16, _ANCILLARY_BYTES, _socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            return False
        if flags & _socket.MSG_CTRUNC or not ancillary:
            return True  # out of descriptors: the host sees its sockets closed
        fds = _FDS.unpack(ancillary[0][2])
        life = _socket.socket(fileno=fds[1])
        try:
            self._start(data, fds, life)
        except OSError as error:
            _life.tell(life, _life.FAILED + os.strerror(error.errno or 0).encode())
            life.close()
        for fd in (fds[0], *fds[2:]):
            os.close(fd)
        return True

    def _start(self, kind: bytes, fds: tuple[int, ...], life: _socket.socket) -> None:
        pid = self._use_spare(kind, fds)
        if not pid:
            pid = os.fork()
            if not pid:
                self._be_child(kind, fds)
        child = _Child(pid, life, kind == TREE)
        self._epoll.register(child.pidfd, select.EPOLLIN)
        self._by_pidfd[child.pidfd] = child
        if child.tree:
            life.close()  # the warden's business
            return
        _life.tell(life, _life.RUNS, (child.pidfd,))
        self._epoll.register(life.fileno(), select.EPOLLIN)
        self._by_life[life.fileno()] = child

    def _be_child(self, kind: bytes, fds: tuple[int, ...]) -> NoReturn:
        try:
            _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
            self._epoll.close()
            self._control.close()
            channel, life, *stdio = fds
            self._trade.work(kind == TREE, channel, life, stdio)
        finally:
            os._exit(70)  # EX_SOFTWARE: it does not come back

    def _fork_spare(self) -> None:
        mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError:  # then the next request tries, and tells if it fails
            return
        if pid:
            theirs.close()
            self._spare = pid, mine
            return
        try:
            mine.close()
            self._trade.rehearse()
            kind, ancillary, _, _ = theirs.recvmsg(
                16, _ANCILLARY_BYTES, _socket.MSG_CMSG_CLOEXEC
            )
            if ancillary:
                self._be_child(kind, _FDS.unpack(ancillary[0][2]))
        finally:
            os._exit(0)  # not needed after all

    def _use_spare(self, kind: bytes, fds: tuple[int, ...]) -> int:
        """Put the spare child to work; gives its pid, or 0 if there is none."""
        if self._spare is None:
            return 0
        pid, mine = self._spare
        self._spare = None
        packed = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _FDS.pack(*fds))]
        try:
            mine.sendmsg([kind], packed, _socket.MSG_NOSIGNAL)
        except OSError:  # somebody killed it
            os.waitpid(pid, 0)
            return 0
        finally:
            mine.close()
        return pid

    def _abandon(self, child: _Child) -> None:
        self._epoll.unregister(child.life.fileno())
        del self._by_life[child.life.fileno()]
        os.kill(child.pid, _SIGKILL)  # unreaped, so the pid is still its own

    def _reap(self, child: _Child) -> None:
        _, status, usage = os.wait4(child.pid, 0)
        # By hand: a sibling forked meanwhile may still hold a copy, and as long as
        # it does, epoll reports the number that is about to be used again.
        self._epoll.unregister(child.pidfd)
        os.close(child.pidfd)
        if child.tree:
            os.write(self._sweep, b".")  # a killed warden leaves orphans
            return
        cpu = usage.ru_utime + usage.ru_stime
        _life.tell(child.life, _life.EXIT.pack(b"X", status, cpu, usage.ru_maxrss))
        if self._by_life.pop(child.life.fileno(), None) is not None:
            self._epoll.unregister(child.life.fileno())
        child.life.close()


def _main() -> None:
    control_fd, sweep = int(sys.argv[1]), int(sys.argv[2])
    namespaces = sys.argv[4] == "1"
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    from lockgate_sandbox import _child, _trade
    from lockgate_sandbox.linux.namespaces import enter_zygote_namespaces

    os.set_inheritable(control_fd, False)
    os.set_inheritable(sweep, False)
    if namespaces:
        # Sealed children need the interpreter even where it lies in a folder
        # that is closed to their uid.
        enter_zygote_namespaces([sys.base_prefix, sys.prefix])
    control = _socket.socket(fileno=control_fd)
    zygote = Zygote(control, sweep, _trade)
    # What `site` would have added and everybody uses; -S leaves it out.
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    _child.forget_runtime()
    os.umask(0o022)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    gc.collect()
    gc.freeze()
    zygote.serve()


if __name__ == "__main__":
    _main()

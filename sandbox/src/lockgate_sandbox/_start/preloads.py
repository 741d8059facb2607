"""Zygotes with foreign code loaded, on the host's side: one for each environment.

An environment is a policy, import folders and the modules to preload: what all
workers of one zygote share. Nothing that such a zygote or its children say is
believed: the posture is the one that the zygote had before its first foreign byte,
and which process a worker is comes from the kernel.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from lockgate_sandbox._line import copies
from lockgate_sandbox._line.process import (
    AT_ONCE,
    Exit,
    Process,
    pids_of,
    wait_readable,
)
from lockgate_sandbox._start.launch import channel_pair
from lockgate_sandbox._start.spares import Forked, Kind, fork
from lockgate_sandbox._watch.descriptors import CHILD_DESCRIPTORS, room_for
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._watch.sample import status_kib
from lockgate_sandbox._watch.tree import is_below
from lockgate_sandbox._wire import exchange
from lockgate_sandbox._wire.frame import BEFORE_CALLS, ChannelClosed
from lockgate_sandbox._wire.life import FAILED, RUNS
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox._zygote.preloading import HELLO
from lockgate_sandbox.errors import (
    ClosedError,
    PolicyError,
    ProtocolError,
    SandboxError,
    StartError,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import LayerState, Posture

if TYPE_CHECKING:
    from lockgate_sandbox._start.nursery import Nursery

__all__ = ["Preloads", "check"]

_IDLE_LIMIT = 8
"""Zygotes that are kept although no worker of theirs is left."""

_FDS = struct.Struct("5i")
_CREDENTIALS = struct.Struct("3i")
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)
_HELLO_ROOM = socket.CMSG_SPACE(_CREDENTIALS.size)
_HELLO_FLAGS = _CLOSE_ON_EXEC | AT_ONCE
_TOLD_BYTES = 256
_HELLO_SECONDS = 30.0
_TOLD_SECONDS = 1.0
_ROOM = "it holds a descriptor for each worker: close some, or grant more open_files"
_WEAKENED = "start it without preload"


def _nothing() -> None:
    pass


class _Zygote:
    """One environment's zygote."""

    def __init__(
        self,
        nursery: Nursery,
        kind: Kind,
    ) -> None:
        names, path = list(kind.preload), list(kind.path)
        self._names = ", ".join(names)
        self._null = nursery.null
        self._child = fork(nursery, kind.policy, path, preloading=True)
        self.workers = 0
        self._asking = threading.Lock()
        job = {"kind": "preload", "path": path, "preload": names}
        first = self._child.send(job)
        self._process = self._child.process()
        try:
            self.posture = self._weaken(self._answer(BEFORE_CALLS, sealed=False))
            self._answer(first, sealed=True)
            # What a child has in memory when it is forked, at least.
            self.inherited_kib = status_kib(self._process.pid, b"RssAnon")
        except BaseException:
            self.close()
            raise

    def _answer(self, call: bytes, *, sealed: bool) -> Any:
        policy = self._child.ground.policy
        wall = policy.limits.wall_seconds
        deadline = time.monotonic() + wall

        def wait() -> None:
            if time.monotonic() >= deadline:
                raise WallLimitError(wall, wall, "s")

        due = exchange.AT_BUILD if sealed else exchange.AT_SEAL
        try:
            frame = self._child.channel.receive(wait)
            kind = exchange.check(frame, call, due)
            answer = exchange.answer(kind, frame, policy, sealed=sealed)
        except ChannelClosed as error:
            raise self._ended(error) from None
        except FrameError as error:
            raise ProtocolError(str(error)) from None
        if isinstance(answer, SandboxError):
            raise answer
        return answer

    def _ended(self, error: ChannelClosed) -> SandboxError:
        """Why it is dead: for a limit, or by what its modules did when loaded."""
        line = self._child.line
        line.burial.released = _nothing  # what it stands on is let go of by `close`
        why = line.broken(error)
        if not isinstance(why, WorkerDiedError):
            return why
        how = str(why).partition(": ")[2]
        told = StartError("preload", f"the zygote ended: {how}", hint=why.hint)
        told.output = why.output
        return told

    def _weaken(self, posture: Posture) -> Posture:
        """What of the zygote's posture its workers have, and what is less."""
        layers: list[LayerState] = []
        for layer in posture.layers:
            state, detail, remedy = layer.state, layer.detail, layer.remedy
            if layer.name == "process-limit" and state != "missing":
                detail += ", for all workers of the environment together"
                state, remedy = "degraded", remedy or _WEAKENED
            elif layer.name == "seccomp" and state == "active":
                detail += f"; what {self._names} did when it was loaded came first"
                state, remedy = "degraded", _WEAKENED
            layers.append(LayerState(layer.name, state, detail, remedy))
        return Posture(tuple(layers), posture.uid, posture.abi)

    @property
    def alive(self) -> bool:
        """Whether workers could still be forked from it."""
        return not self._process.ended()

    def fork(self) -> Forked:
        """Ask for a worker.

        Raises:
            ClosedError: If it is dead.
            HostDescriptorsError: If the host has too few descriptors left.
        """
        ground = self._child.ground
        with room_for(CHILD_DESCRIPTORS, "a worker"), ExitStack() as undo:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            output = Output(reader, ground.policy.limits.output_bytes)
            undo.callback(output.close)
            mine, theirs = channel_pair()
            undo.callback(mine.close)
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            life, their_life = copies.pair(socket.SOCK_SEQPACKET)
            packed = _FDS.pack(
                theirs.fileno(), their_life.fileno(), self._null, writer, writer
            )
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)]
            try:
                self._child.channel.socket.sendmsg(
                    [b"W"], ancillary, socket.MSG_NOSIGNAL
                )
            except OSError as error:
                life.close()
                msg = f"the zygote of {self._names} is gone: {error.strerror}"
                raise ClosedError(msg) from None
            finally:
                os.close(writer)
                theirs.close()
                their_life.close()
            self.workers += 1
            undo.callback(self._left)
            process = _Hatched(self, life, mine)
            return _Hatchling(self, ground, mine, process, output, undo.pop_all())

    def _left(self) -> None:
        self.workers -= 1

    def owns(self, pid: int, pidfd: int) -> bool:
        """Whether `pidfd`, made of `pid`, is a process of this zygote's tree."""
        if pids_of(pidfd) == (pid, self._process.pid):
            return True  # a child of its own, as each is that it forks for us
        # Else the number may be another's by now, unless it is still in the tree and
        # what the descriptor stands for is alive.
        return is_below(pid, self._process.root) and not wait_readable(pidfd, 0)

    def refused(self) -> frozenset[str]:
        """The limits that its warden refused something for, once it is dead.

        Whoever ends a tree ends its processes one by one, so it is given a moment.
        """
        with self._asking:
            if self.alive and not self._process.wait_dead(_TOLD_SECONDS):
                return frozenset()
            return self._process.wait().refused

    def close(self) -> None:
        """Kill it with all its workers, and wait for that."""
        self._child.discard()


class _Hatched(Process):
    """The process of such a worker; its zygote reaps it, and may not tell."""

    def __init__(
        self, zygote: _Zygote, life: socket.socket, channel: socket.socket
    ) -> None:
        super().__init__(life, _TOLD_SECONDS)
        self._zygote = zygote
        self._channel = channel

    def wait_started(self) -> None:
        """Wait until it runs and the kernel has said which process it is.

        Raises:
            StartError: If it could not be forked; the life socket is closed then.
        """
        try:
            self._pidfds = [self._pidfd()]
        except BaseException:
            self._life.close()
            raise

    def _pidfd(self) -> int:
        # Without room for descriptors: the kernel drops what nobody asked for.
        try:
            told = self._life.recv(_TOLD_BYTES, AT_ONCE)
        except BlockingIOError:
            if not wait_readable(self._life.fileno(), _HELLO_SECONDS):
                detail = "no answer from the zygote of the environment"
                raise StartError("zygote", detail) from None
            told = self._life.recv(_TOLD_BYTES)
        if told.startswith(FAILED):
            raise StartError("fork", told[1:].decode(errors="replace"))
        if told != RUNS:
            detail = "it ended before the worker was forked, or has no room for one"
            raise StartError("zygote", detail, hint=_ROOM)
        pid = self._sender()
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            raise StartError("zygote", "the worker ended at once") from None
        if not self._zygote.owns(pid, pidfd):
            os.close(pidfd)
            raise StartError("zygote", "the worker is not of its zygote's tree")
        self.pid = self.root = pid
        return pidfd

    def _sender(self) -> int:
        """The process that sent the first packet, by the kernel's word."""
        sock = self._channel
        try:
            data, ancillary, _, _ = sock.recvmsg(16, _HELLO_ROOM, _HELLO_FLAGS)
        except BlockingIOError:
            if not wait_readable(sock.fileno(), _HELLO_SECONDS):
                raise StartError("zygote", "the worker does not say hello") from None
            data, ancillary, _, _ = sock.recvmsg(16, _HELLO_ROOM, _CLOSE_ON_EXEC)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        for level, kind, packed in ancillary:
            if (
                data == HELLO
                and level == socket.SOL_SOCKET
                and kind == socket.SCM_CREDENTIALS
            ):
                return cast("int", _CREDENTIALS.unpack(packed)[0])
        raise StartError("zygote", "the worker ended before it said hello")

    def close(self) -> Exit:
        """Kill it, wait until it is dead, release every descriptor.

        Where only its zygote may kill it and does not, that ends with all the rest.
        """
        self.kill()
        if not self.wait_dead(_TOLD_SECONDS):
            self._zygote.close()
        ended = super().close()
        if ended.status is not None or ended.signal is not None:
            return ended
        # Nobody was left to tell: it went with its zygote, perhaps for a limit.
        refused = self._zygote.refused()
        return Exit(None, signal.SIGKILL, refused=refused) if refused else ended


class _Hatchling(Forked):
    """A worker of such a zygote."""

    def __init__(self, zygote: _Zygote, *rest: Any) -> None:
        super().__init__(*rest)
        self.posture, self.peak_kib = zygote.posture, zygote.inherited_kib


class Preloads:
    """The zygotes of a sandbox that have foreign code loaded. Thread-safe."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._lock = threading.Lock()
        self._zygotes: dict[Kind, _Zygote] = {}
        self._closed = False

    def fork(self, kind: Kind) -> Forked:
        """A worker whose process has the modules of `kind` loaded.

        Raises:
            StartError: If a module can't be imported.
            SandboxError: If the zygote can't be started for another reason.
        """
        with self._lock:
            if self._closed:
                msg = "the sandbox is closed"
                raise ClosedError(msg, hint="open another one: Sandbox.open()")
            zygote = self._zygotes.get(kind)
            if zygote is None or not zygote.alive:
                if zygote is not None:
                    zygote.close()
                self._make_room()
                zygote = self._zygotes[kind] = _Zygote(self._nursery, kind)
            return zygote.fork()

    def _make_room(self) -> None:
        idle = [key for key, item in self._zygotes.items() if not item.workers]
        for key in idle[: max(0, len(idle) - _IDLE_LIMIT + 1)]:
            self._zygotes.pop(key).close()

    def close(self) -> None:
        """End every one with its workers; none is made any more."""
        with self._lock:
            self._closed = True
            for zygote in self._zygotes.values():
                zygote.close()
            self._zygotes.clear()


def check(
    policy: Policy, names: Sequence[str], target: str, packages: Collection[str] = ()
) -> None:
    """Whether a worker of `policy` may have `names` preloaded.

    Raises:
        PolicyError: If the plugin itself is among them and may not fork, or there
            are single `packages`: the zygote could not import them.
    """
    if names and packages:
        raise PolicyError("a worker has modules preloaded or single packages, not both")
    own = target.partition(":")[0].partition(".")[0]
    if policy.may_fork or own not in {name.partition(".")[0] for name in names}:
        return
    raise PolicyError(
        f"{own!r} is the plugin itself: preloaded it could fork, which it may not",
        hint="preload only what the plugin depends on, or grant it a program",
    )

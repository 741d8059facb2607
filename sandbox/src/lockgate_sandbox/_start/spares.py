"""Sealed children that wait for their job, on the host's side.

`fork` asks for a child, which seals itself and waits. `Spares` keeps one such child
for each of the last few policies that were asked for again: then a start is one
frame to a process that has its whole seal on.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from lockgate_sandbox._line.line import Line
from lockgate_sandbox._line.process import Process
from lockgate_sandbox._watch.descriptors import CHILD_DESCRIPTORS, room_for
from lockgate_sandbox._watch.limits import too_large
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._wire.buffers import is_flat
from lockgate_sandbox._wire.frame import BEFORE_CALLS, ChannelClosed, NotDataError
from lockgate_sandbox._wire.frame import Kind as FrameKind
from lockgate_sandbox._wire.host_end import HostChannel
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.errors import (
    PolicyError,
    SandboxError,
    WallLimitError,
)
from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox._line.ground import Ground
    from lockgate_sandbox._start.nursery import Nursery
    from lockgate_sandbox.posture import Posture

__all__ = ["Forked", "Kind", "Spares", "fork"]

_START, _AHEAD = int(FrameKind.START), int(FrameKind.AHEAD)

_SPARES_LIMIT = 2
"""Processes that wait for what may never be asked for again."""

_REMEMBERED_LIMIT = 256


class Kind:
    """Policy, import folders and modules to preload: what makes children alike.

    Looked up several times in each start, and a policy is long to hash.
    """

    __slots__ = ("_all", "_hash", "path", "policy", "preload")

    def __init__(
        self, policy: Policy, path: tuple[str, ...], preload: tuple[str, ...]
    ) -> None:
        self.policy = policy
        self.path = path
        self.preload = preload
        self._all = policy, path, preload
        self._hash = hash(self._all)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and self._all == other._all


class Forked:
    """A child that was asked for; owns all that belongs to it alone.

    The host's half of its worker, `line`, is made with it, not when it is wanted.
    `undo` releases what it stands on; whoever uses the child takes it over.
    """

    def __init__(
        self,
        ground: Ground,
        sock: socket.socket,
        process: Process,
        output: Output,
        undo: ExitStack,
    ) -> None:
        policy = ground.policy
        self.ground = ground
        self.posture: Posture | None = None  # until the child tells
        self.peak_kib = 0  # likewise
        self.channel = HostChannel(sock, policy.limits.message_bytes)
        self._foretold: Raw | None = None
        self.undo = undo
        self.line = Line(process, self.channel, output, policy=policy, ground=ground)
        self._process = process
        self._poll = select.poll()
        self._poll.register(process.life_fd(), select.POLLIN)
        self._poll.register(sock.fileno(), 0)  # only for its end

    def process(self) -> Process:
        """The child, once it runs; waits for that.

        Raises:
            StartError: If it could not be forked; everything is released then.
        """
        process = self._process
        if process.pid < 0:
            try:
                process.wait_started()
            except BaseException:
                self.undo.close()
                raise
        return process

    def is_ready(self) -> bool:
        """Whether the child runs and listens, without waiting for it."""
        return self._poll.poll(0) == [(self._process.life_fd(), select.POLLIN)]

    def is_due(self) -> bool:
        """Whether it is still to be forked."""
        return not self._poll.poll(0)

    def send(
        self,
        job: Mapping[str, object] | Raw,
        arguments: Mapping[str, object] | None = None,
        *,
        brokered: bool = False,
        unhurried: bool = False,
    ) -> bytes:
        """Give it its job; gives the id of the START.

        One that is `unhurried` practises calls before it builds its target: nobody
        waits for it yet.

        A job for a target is `Raw`: it was encoded before. Nothing is said of a
        child that is dead: who waits for its answer learns why.

        Raises:
            PolicyError: If the job holds what may not cross.
            MessageLimitError: If it is larger than a message may be.
            WallLimitError: If it is not taken within the policy's wall limit.
        """
        first = self.line.flights.fresh_id()
        message: list[Any] = [_START, first, self.job(job)]
        if arguments is not None:
            message += [arguments, brokered, unhurried]
        limits = self.ground.policy.limits
        deadline = time.monotonic() + limits.wall_seconds

        def wait() -> None:
            if time.monotonic() >= deadline:
                raise WallLimitError(limits.wall_seconds, limits.wall_seconds, "s")

        try:
            if type(job) is Raw and is_flat(arguments):
                self.channel.send_flat(message, wait)
            else:
                self.channel.send(message, wait)
        except ChannelClosed:
            pass
        except NotDataError as error:
            self.discard()
            raise PolicyError(f"arguments: {error}") from None
        except FrameTooLargeError as error:
            self.discard()
            raise too_large(error.limit, error.used, error.unit) from None
        except BaseException:
            self.discard()
            raise
        return first

    def job(self, job: Mapping[str, object] | Raw) -> Mapping[str, object] | Raw | None:
        """What a START says of `job`: nothing, if it was foretold."""
        return None if job is self._foretold else job

    def foretell(self, job: Raw) -> None:
        """Tell it what its job will be, if it gets one."""
        with suppress(ChannelClosed, NotDataError, FrameTooLargeError):
            if self.channel.send_now([_AHEAD, BEFORE_CALLS, job]):
                self._foretold = job

    def discard(self) -> None:
        """Kill the child and release everything."""
        try:
            self.process().close()
        except SandboxError:
            return  # never ran, and released everything
        self.undo.close()


def fork(
    nursery: Nursery,
    policy: Policy,
    path: Sequence[str],
    *,
    later: bool = False,
    preloading: bool = False,
) -> Forked:
    """Ask for a child with its output piped; does not wait for it.

    With `later` it is forked when the zygote has nothing else to do. `preloading`:
    it is to fork workers itself (`_start.preloads`).

    Raises:
        ClosedError: If the sandbox is closed or its keeper gone.
        HostDescriptorsError: If the host has too few descriptors left.
    """
    with room_for(CHILD_DESCRIPTORS, "a worker"), ExitStack() as undo:
        ground = undo.enter_context(nursery.ground(policy, path, preloading=preloading))
        reader, writer = os.pipe2(os.O_CLOEXEC)
        output = Output(reader, policy.limits.output_bytes)
        undo.callback(output.close)
        try:
            stdio = [nursery.null, writer, writer]
            mine, life = nursery.ask_for_child(ground, stdio, later=later)
        finally:
            os.close(writer)
        undo.callback(mine.close)
        return Forked(ground, mine, Process(life), output, undo.pop_all())


class Spares:
    """One waiting child for each of the last kinds asked for. Thread-safe.

    A kind is a policy, import folders and modules to preload; `make` forks a child
    of one, if told so when nothing else is to do, and `hurry` has it done now.

    A child that was told of a job has compiled the source for it, and what that took
    of its time and memory was the source's choice. So it serves that job and no other,
    and where several jobs are of one kind nothing is told.
    """

    def __init__(
        self, make: Callable[[Kind, bool], Forked], hurry: Callable[[], None]
    ) -> None:
        self._make = make
        self._hurry = hurry
        self._rushed = False  # the last request came before its child was there
        self._lock = threading.Lock()
        self._asked: dict[Kind, Raw | None] = {}  # the job, if it was always the same
        self._wanted: set[Kind] = set()
        self._spares: dict[Kind, _Waiting] = {}
        self._closed = False

    def take(self, kind: Kind, job: Raw) -> Forked:
        """The waiting child of that kind, if it may do `job`, or a new one.

        Raises:
            SandboxError: If there is none and none can be made.
        """
        with self._lock:
            waiting = self._spares.pop(kind, None)
        self._rushed = True
        if waiting is not None and waiting.fits(job):
            if waiting.child.is_ready():
                self._rushed = False
                return waiting.child
            if waiting.child.is_due():
                self._hurry()
                return waiting.child
        if waiting is not None:
            waiting.child.discard()
        return self._make(kind, False)

    def want(self, kind: Kind, job: Raw) -> None:
        """Have a child wait for the next request like this one, if it is a second.

        `job` is what this one's child was told.

        It is made when a worker has ended (`restock`): to ask for it takes as long as
        a third of a start, and this is the middle of one. Where requests come faster
        than children, it is made and forked at once.
        """
        with self._lock:
            if len(self._asked) >= _REMEMBERED_LIMIT:
                self._asked.clear()
                self._wanted.clear()
            if kind not in self._asked:
                self._asked[kind] = job
                return
            if self._asked[kind] != job:
                self._asked[kind] = None
            self._wanted.add(kind)
        if self._rushed:
            self.restock()
            self._hurry()

    def restock(self) -> None:
        """Ask for every child that is wanted.

        Costs the caller no waiting. A failure is no error: the next request shows
        what is wrong.
        """
        if not self._wanted:
            return
        surplus: list[_Waiting] = []
        with self._lock:
            wanted, self._wanted = self._wanted, set()
            for kind in wanted:
                if self._closed or kind in self._spares:
                    continue
                try:
                    child = self._make(kind, True)
                except (OSError, SandboxError):
                    continue
                job = self._asked.get(kind)
                if self._rushed:  # its job is there before it has looked
                    job = None
                self._spares[kind] = _Waiting(child, kind.path, job)
                if len(self._spares) > _SPARES_LIMIT:
                    surplus.append(self._spares.pop(next(iter(self._spares))))
        for waiting in surplus:
            waiting.child.discard()

    def close(self) -> None:
        """End every waiting child; none is made any more."""
        with self._lock:
            self._closed = True
            left = list(self._spares.values())
            self._spares.clear()
        for waiting in left:
            waiting.child.discard()


class _Waiting:
    """A waiting child, which files its seal was made for, and for which `job`."""

    def __init__(self, child: Forked, path: Sequence[str], job: Raw | None) -> None:
        policy = child.ground.policy
        self.child = child
        self._job = job
        if job is not None:
            child.foretell(job)
        self._paths = (*path, *policy.read, *policy.write)
        self._files = self._identities()

    def fits(self, job: Raw) -> bool:
        """Whether it may do `job`, and its paths lead where they led."""
        if self._job is not None and self._job != job:
            return False
        return self._identities() == self._files

    def _identities(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for path in self._paths:
            try:
                info = os.stat(path)  # noqa: PTH116 - for every start
            except OSError:
                found.append(None)
            else:
                found.append((info.st_dev, info.st_ino))
        return found

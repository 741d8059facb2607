"""One program or script from its start to its end, attended by one host thread.

The thread feeds standard input, drains the outputs, watches the limits and takes
notes until the whole tree has ended.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line import copies
from lockgate_sandbox._line.ground import Ground
from lockgate_sandbox._line.process import Exit, Process, cause, receive_fds
from lockgate_sandbox._start.handed import (
    check_socket,
    follow,
    is_file,
    may_write,
    read_only,
)
from lockgate_sandbox._start.notes import Notes
from lockgate_sandbox._watch.descriptors import CHILD_DESCRIPTORS, room_for
from lockgate_sandbox._watch.limits import claimed, reached
from lockgate_sandbox._watch.onward import Onward
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._watch.sample import Sampler
from lockgate_sandbox._wire import exchange
from lockgate_sandbox._wire.frame import BEFORE_CALLS, FOLDER, ChannelClosed, Kind
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox._wire.wire import Channel
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import (
    CancelledError,
    ClosedError,
    LimitError,
    MemoryLimitError,
    ProtocolError,
    SandboxError,
    WallLimitError,
)
from lockgate_sandbox.linux import rlimits
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Usage

if TYPE_CHECKING:
    from lockgate_sandbox._start.nursery import Nursery

__all__ = ["Attended"]

_TICK_SECONDS = 0.05
_START_LIMIT_BYTES = 1 << 30
_WRITE_BYTES = 65_536


class Attended:
    """One program from its start to its end; owns everything it opens."""

    def __init__(self, nursery: Nursery, policy: Policy, undo: ExitStack) -> None:
        self._nursery = nursery
        self._policy = policy
        self._undo = undo
        self.stop: threading.Event | None = None
        self._started = time.monotonic()
        self._deadline = self._started + policy.limits.wall_seconds
        self._outputs: list[Output | Onward] = []
        self._writers: list[int] = []
        self._input = -1
        self._pending = memoryview(b"")
        self.folder = -1
        self.posture = Posture((), -1, 0)
        self.notes: Notes | None = None
        self._sample_due = 0.0
        self.process: Process
        self._sampler: Sampler
        self._ground: Ground
        self._shared: list[Callable[[], object]] = [self._close_input]
        self._gone: ClosedError | None = None
        copies.watch(self)

    def disown(self) -> None:
        """Let go of it, alive as it is: this is a forked copy of the host.

        Nothing is undone that its parent has done. Its input it would never see the
        end of, if that were open here too.
        """
        self._left = self._undo.pop_all()
        msg = "the program belongs to the process that this one was forked from"
        self._gone = ClosedError(msg, hint="start one where it is to run")
        for let_go in self._shared:
            with suppress(OSError):
                let_go()

    def pipe_in(self, data: bytes) -> int:
        """The reading end of a pipe that `data` is written to meanwhile."""
        with copies.none_made:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            self._input, self._pending = writer, memoryview(data)
        os.set_blocking(writer, False)
        self._undo.callback(self._close_input)
        self._undo.callback(os.close, reader)
        return reader

    def pipe_out(self) -> tuple[int, Output]:
        """The writing end of a pipe that is drained meanwhile, and what is kept."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        output = Output(reader, self._policy.limits.output_bytes)
        self._outputs.append(output)
        self._undo.callback(output.close)
        return writer, output

    def hand(self, stdio: Sequence[int]) -> list[int]:
        """What a script gets for `stdio`: no file that it could change by it.

        Raises:
            PolicyError: If its input can't be had for reading alone, or a socket has
                no peer.
        """
        given = list(stdio)
        pipes: dict[tuple[int, int], int] = {}
        for number, fd in enumerate(stdio):
            check_socket(fd)
            if not number and is_file(fd):
                given[number] = reader = read_only(fd)
                self._undo.callback(os.close, reader)
                self._undo.callback(follow, reader, fd)
                continue
            if not (is_file(fd) and may_write(fd)):
                continue
            found = os.fstat(fd)
            same = found.st_dev, found.st_ino  # both outputs in one file: in order
            if same not in pipes:
                pipes[same] = self._onward(fd)
            given[number] = pipes[same]
        return given

    def _onward(self, target: int) -> int:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        most = rlimits.largest_file(asdict(self._policy.limits))
        output = Onward(reader, target, most)
        self._outputs.append(output)
        self._writers.append(writer)
        self._undo.callback(output.close)
        self._undo.callback(self._close_writers)
        return writer

    def _close_writers(self) -> None:
        while self._writers:
            os.close(self._writers.pop())

    def check_written(self) -> None:
        """Raise if what a script wrote to a file is not all there.

        Raises:
            OSError: The host's own, of writing it.
        """
        for output in self._outputs:
            if isinstance(output, Onward) and output.failed is not None:
                raise output.failed

    def _close_input(self) -> None:
        with copies.none_made:  # else one that is forked now would keep it
            if self._input >= 0:
                os.close(self._input)
                self._input = -1

    def start(
        self,
        job: dict[str, Any],
        path: Sequence[str],
        stdio: list[int],
        callbacks: Callbacks | None = None,
    ) -> None:
        """Fork, seal, and hand over to the program or script.

        A script may ask for the `callbacks`.
        """
        with room_for(CHILD_DESCRIPTORS, "a program"):
            ground = self._undo.enter_context(self._nursery.ground(self._policy, path))
            mine, life = self._nursery.ask_for_child(ground, stdio)
        self._close_writers()
        job["env"] = {**ground.file.env, **job["env"]}
        job["readable"] = ground.readable()
        job["writable"] = ground.writable()
        channel = Channel(mine, _START_LIMIT_BYTES)
        self._undo.callback(channel.close)
        self._shared.append(channel.close)
        call = os.urandom(8)
        with suppress(ChannelClosed):  # then `started` says why
            channel.send([Kind.START, call, job], self._check)
        self.process = Process(life)
        self._shared.append(self.process.disown)
        self.process.wait_started()
        self._undo.callback(self.process.close)
        self._ground = ground
        self._sampler = Sampler(
            self.process.pid,
            self.process.root,
            self._policy.limits,
            ground.scratch,
            ground.memory_kills,
        )
        channel.limit = self._policy.limits.message_bytes
        try:
            self._hand_over(channel, call, job["kind"] == "exec")
            if job["kind"] == "file":
                self.notes = Notes(channel, call, callbacks or {}, self._policy)
        except ChannelClosed:
            raise self._died() from None
        except FrameError as error:
            raise ProtocolError(str(error)) from None

    def _hand_over(self, channel: Channel, call: bytes, execs: bool) -> None:
        self.posture = self._answer(channel, BEFORE_CALLS)
        self._sampler.trust(self.posture)
        if not execs:
            return
        while True:
            self._check()
            try:
                # Only peeking and without room for descriptors: it may be a frame.
                data = channel.socket.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            else:
                break
        if data == FOLDER:
            for fd in receive_fds(channel.socket, 1)[1]:
                self.folder = fd
                self._undo.callback(os.close, fd)
        # Success closes the channel; what comes else is the reason.
        with suppress(ChannelClosed):
            self._answer(channel, call)

    def _answer(self, channel: Channel, call: bytes) -> Any:
        """What the child tells about its seal, or about not going on."""
        frame = channel.receive(self._check)
        kind = exchange.check(frame, call, exchange.AT_SEAL)
        answer = exchange.answer(kind, frame, self._policy, sealed=False)
        if isinstance(answer, SandboxError):
            raise answer
        return answer

    def _check(self) -> None:
        if self._gone is not None:
            raise self._gone
        if self.stop is not None and self.stop.is_set():
            raise CancelledError("the program")
        now = time.monotonic()
        if now >= self._deadline:
            wall = self._policy.limits.wall_seconds
            raise WallLimitError(wall, now - self._started, "s")

    def _look(self) -> None:
        """Compare the tree with its limits, some of the times it is called."""
        self._check()
        now = time.monotonic()
        if now >= self._sample_due:
            self._sample_due = now + _TICK_SECONDS
            reached = self._sampler.check()
            if reached is not None:
                raise reached

    def wait(self) -> Exit:
        """Drain, feed and watch until the whole tree has ended.

        Raises:
            LimitError: If a limit was reached; everything is dead then.
        """
        poll = select.poll()
        life = self.process.life_fd()
        poll.register(life, select.POLLIN)
        for output in self._outputs:
            poll.register(output.fd, select.POLLIN)
        if self._input >= 0:
            poll.register(self._input, select.POLLOUT)
        notes = self.notes
        if notes is not None:
            poll.register(notes.fd, select.POLLIN)
        while True:
            ready = dict(poll.poll(_TICK_SECONDS * 1000))
            self._feed(poll, ready)
            for output in self._outputs:
                fd = output.fd
                if fd in ready and not output.drain():
                    poll.unregister(fd)
            if notes is not None and notes.fd in ready:
                # A script may begin a note and never end it: look on meanwhile.
                if not notes.take(self._look):
                    poll.unregister(notes.fd)
                    notes = None
            elif life in ready:
                break
            self._look()
        for output in self._outputs:
            output.drain()
        return self.process.wait()

    def _feed(self, poll: select.poll, ready: dict[int, int]) -> None:
        fd = self._input
        if fd < 0 or fd not in ready:
            return
        try:
            self._pending = self._pending[os.write(fd, self._pending[:_WRITE_BYTES]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want to read on
            self._pending = self._pending[:0]
        if not self._pending:
            poll.unregister(fd)
            self._close_input()

    def _died(self) -> SandboxError:
        return self.cause(self.process.close())

    def cause(self, ended: Exit) -> SandboxError:
        """What ended the program if a signal did."""
        limits = self._policy.limits
        told = self.process.killed_for(self._ground.verdicts, limits)
        return cause(ended, limits, self._ground.memory_kills(), told)

    def check_memory(self) -> None:
        """Raise if the kernel killed any process of the tree for its memory.

        The program may well have gone on, with a part of its work missing.

        Raises:
            MemoryLimitError: If so.
        """
        if self._ground.memory_kills():
            limit = self._policy.limits.memory_bytes
            raise MemoryLimitError(limit, limit, "bytes")

    def claimed(self, ended: Exit) -> LimitError | None:
        """The limit that a failed script says it ran into."""
        claim = self.notes.claim if self.notes is not None else ""
        if not ended.status or not claim:
            return None
        return claimed(claim, self._policy.limits)

    def check_refusals(self, ended: Exit) -> None:
        """Raise if a failed program has used up what its tree or folder may have.

        Raises:
            LimitError: If so.
        """
        limits = self._policy.limits
        refused = set(ended.refused)
        if self._ground.refused_processes():
            refused.add("processes")
        for name in ("processes", "inodes", "disk_bytes"):
            if name in refused:
                raise reached(name, limits)
        if self.folder >= 0 and self.posture["scratch"].state == "active":
            left = os.statvfs(self.folder)
            if not left.f_ffree:
                raise reached("inodes", limits)
            if not left.f_bavail:
                raise reached("disk_bytes", limits)

    def usage(self, ended: Exit) -> Usage:
        """What the whole tree used."""
        return Usage(
            cpu_seconds=ended.cpu_seconds,
            wall_seconds=time.monotonic() - self._started,
            peak_memory_bytes=max(ended.peak_kib * 1024, self._sampler.peak_bytes),
            output_bytes=sum(output.total for output in self._outputs),
        )

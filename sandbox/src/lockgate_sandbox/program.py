"""Programs and scripts in a sandbox of their own: start, wait, read back."""

from __future__ import annotations

import os
import select
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate_sandbox import _exchange
from lockgate_sandbox._collect import collect as read_back
from lockgate_sandbox._output import Output
from lockgate_sandbox._process import Exit, Process, cause, receive_fds, started
from lockgate_sandbox._sample import Sampler
from lockgate_sandbox._wire import (
    FOLDER,
    Channel,
    ChannelClosed,
    FrameError,
    Kind,
)
from lockgate_sandbox.errors import (
    LimitError,
    PolicyError,
    ProtocolError,
    SandboxError,
    StartError,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.worker import Usage

if TYPE_CHECKING:
    from lockgate_sandbox.sandbox import Sandbox

__all__ = ["ProgramResult", "RunResult", "run_file", "run_program"]

_TICK_SECONDS = 0.05
_START_LIMIT_BYTES = 1 << 30
_WRITE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended; `status` is negative for a signal, as in subprocess.

    `stdout` and `stderr` are bounded by the policy's `output_bytes` and end with
    a marker where something was dropped. `files` are what was asked to be
    collected, by path relative to the program's folder.
    """

    status: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]
    posture: Posture
    usage: Usage


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a script ended: its `status`, or the `error` that stopped it.

    `status` is what a shell would see: the script's own, 128 + N for a signal N
    of its own making, 124 for the wall limit, 137 for another limit.
    """

    status: int
    posture: Posture
    usage: Usage
    error: SandboxError | None = None


class _Run:
    """One program from its start to its end; owns everything it opens."""

    def __init__(self, sandbox: Sandbox, policy: Policy, undo: ExitStack) -> None:
        self._sandbox = sandbox
        self._policy = policy
        self._undo = undo
        self._started = time.monotonic()
        self._deadline = self._started + policy.limits.wall_seconds
        self._outputs: list[Output] = []
        self._input = -1
        self._pending = memoryview(b"")
        self.folder = -1
        self.posture = Posture((), -1, 0)
        self.process: Process
        self._sampler: Sampler

    def pipe_in(self, data: bytes) -> int:
        """The reading end of a pipe that `data` is written to meanwhile."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(writer, False)
        self._input, self._pending = writer, memoryview(data)
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

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def start(self, job: dict[str, Any], path: Sequence[str], stdio: list[int]) -> None:
        """Fork, seal, and hand over to the program or script."""
        ground = self._undo.enter_context(self._sandbox.ground(self._policy, path))
        common = ground.job()
        job["env"] = {**common["env"], **job["env"]}
        job = {**common, **job}
        mine, life = self._sandbox.ask_for_child(self._policy, stdio)
        channel = Channel(mine, _START_LIMIT_BYTES)
        self._undo.callback(channel.close)
        call = os.urandom(8)
        with suppress(ChannelClosed):  # then `started` says why
            channel.send([Kind.START, call, job], self._check)
        self.process = started(life)
        self._undo.callback(self.process.close)
        self._sampler = Sampler(
            self.process.pid, self.process.root, self._policy.limits, ground.scratch
        )
        try:
            self._hand_over(channel, call, job["kind"] == "exec")
        except ChannelClosed:
            raise self._died() from None
        except FrameError as error:
            raise ProtocolError(str(error)) from None

    def _hand_over(self, channel: Channel, call: bytes, execs: bool) -> None:
        mine = channel.socket
        while True:
            self._check()
            try:
                # Only peeking and without room for descriptors: it may be a frame.
                data = mine.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            else:
                break
        if data == FOLDER:
            for fd in receive_fds(mine, 1)[1]:
                self.folder = fd
                self._undo.callback(os.close, fd)
        frame = channel.receive(self._check)
        kind = _exchange.check(frame, call, starting=True)
        answer = _exchange.answer(kind, frame, self._policy)
        if isinstance(answer, SandboxError):
            raise answer
        self.posture = answer
        if execs:
            # Success closes the channel; what comes else is the reason.
            with suppress(ChannelClosed):
                frame = channel.receive(self._check)
                kind = _exchange.check(frame, call, starting=True)
                raise _exchange.answer(kind, frame, self._policy)

    def _check(self) -> None:
        now = time.monotonic()
        if now >= self._deadline:
            wall = self._policy.limits.wall_seconds
            raise WallLimitError(wall, now - self._started, "s")

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
        sample_due = 0.0
        while True:
            ready = dict(poll.poll(_TICK_SECONDS * 1000))
            self._feed(poll, ready)
            for output in self._outputs:
                fd = output.fd
                if fd in ready and not output.drain():
                    poll.unregister(fd)
            if life in ready:
                break
            self._check()
            now = time.monotonic()
            if now >= sample_due:
                sample_due = now + _TICK_SECONDS
                reached = self._sampler.check()
                if reached is not None:
                    raise reached
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
        return cause(self.process.close(), self._policy.limits)

    def usage(self, ended: Exit) -> Usage:
        """What the whole tree used."""
        return Usage(
            cpu_seconds=ended.cpu_seconds,
            wall_seconds=time.monotonic() - self._started,
            peak_memory_bytes=max(ended.peak_kib * 1024, self._sampler.peak_bytes),
            output_bytes=sum(output.total for output in self._outputs),
        )


def run_program(
    sandbox: Sandbox,
    policy: Policy,
    argv: Sequence[str],
    *,
    files: Mapping[str, bytes],
    executable: Sequence[str],
    collect: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
) -> ProgramResult:
    """`Sandbox.run_program`."""
    program = _resolve(argv)
    policy = replace(
        policy,
        programs=(
            *policy.programs,
            Program(_free_name(policy, program), program, tuple(executable)),
        ),
    )
    job = {
        "kind": "exec",
        "program": program,
        "argv": list(argv),
        "files": _checked_files(files),
        "env": dict(Policy.for_tier(policy.tier, env=env).env),
    }
    with ExitStack() as undo:
        run = _Run(sandbox, policy, undo)
        reader = run.pipe_in(stdin)
        ends = [run.pipe_out(), run.pipe_out()]
        try:
            run.start(job, (), [reader, ends[0][0], ends[1][0]])
        finally:
            for writer, _ in ends:
                os.close(writer)
        ended = run.wait()
        status = ended.status if ended.status is not None else -(ended.signal or 0)
        if ended.signal is not None:
            reason = cause(ended, policy.limits)
            if isinstance(reason, LimitError):
                raise reason
        elif ended.status is None:
            raise WorkerDiedError(None, None)
        limits = policy.limits
        found = read_back(
            run.folder,
            collect,
            bytes_limit=limits.disk_bytes,
            count_limit=limits.inodes,
        )
        out, err = (output.take() for _, output in ends)
        return ProgramResult(status, out, err, found, run.posture, run.usage(ended))


def _resolve(argv: Sequence[str]) -> str:
    if not argv:
        msg = "a program to run is missing: argv is empty"
        raise PolicyError(msg)
    found = shutil.which(argv[0], path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        hint = "install it, or name it by its absolute path"
        raise StartError("exec", f"no program {argv[0]!r} on this machine", hint=hint)
    return str(Path(found).absolute())


def _free_name(policy: Policy, program: str) -> str:
    names = {item.name for item in policy.programs}
    name = Path(program).name
    while name in names:
        name += "'"
    return name


def _checked_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    for path in files:
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
            msg = f"a file for a program has a plain relative path, not {path!r}"
            raise PolicyError(msg)
    return dict(files)


def run_file(
    sandbox: Sandbox,
    policy: Policy,
    script: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    path: Sequence[str],
    stdio: tuple[int, int, int],
) -> RunResult:
    """`Sandbox.run_file`."""
    file = Path(script).absolute()
    policy = replace(policy, read=(*policy.read, str(file)))
    folders = [str(Path(folder).absolute()) for folder in path]
    job = {
        "kind": "file",
        "script": str(file),
        "argv": list(argv),
        "path": folders,
        "cwd": str(Path.cwd()),
        "env": {},
    }
    with ExitStack() as undo:
        run = _Run(sandbox, policy, undo)
        run.start(job, folders, list(stdio))
        try:
            ended, error = run.wait(), None
        except LimitError as reached:
            ended, error = run.process.close(), reached
        if error is None and ended.signal is not None:
            error = cause(ended, policy.limits)
        return RunResult(_status(ended, error), run.posture, run.usage(ended), error)


def _status(ended: Exit, error: SandboxError | None) -> int:
    if isinstance(error, WallLimitError):
        return 124
    if isinstance(error, LimitError):
        return 137
    if ended.status is not None:
        return ended.status
    return 128 + (ended.signal or 9)

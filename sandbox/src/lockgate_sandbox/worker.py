"""One sealed process and the calls to it.

The calling thread does the IO of a call: it sends, waits, runs the callbacks
that the worker asks for, drains the worker's output and watches the limits. A
quick call costs two system calls; only when the answer is not there within a few
milliseconds (the socket's own timeout) does the waiting thread look around.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL
from typing import Any, TypeVar

from lockgate_sandbox import _exchange, _limits
from lockgate_sandbox._ground import Ground
from lockgate_sandbox._output import Output
from lockgate_sandbox._process import Exit, Process, cause
from lockgate_sandbox._sample import Sampler, cpu_seconds
from lockgate_sandbox._wire import (
    BEFORE_CALLS,
    Channel,
    ChannelClosed,
    FrameError,
    FrameTooLargeError,
    Kind,
    NotDataError,
)
from lockgate_sandbox.callbacks import Callbacks, Passed
from lockgate_sandbox.errors import (
    ClosedError,
    Data,
    OutputLimitError,
    PolicyError,
    ProtocolError,
    SandboxError,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture

__all__ = ["Reply", "Usage", "Worker"]

E = TypeVar("E", bound=BaseException)

# Plain integers: an enumeration's member costs two look-ups in every call.
_CALL, _ASK = int(Kind.CALL), int(Kind.ASK)

_TICK_SECONDS = 0.05
"""How often a waiting thread looks at deadline and limits."""

_UNWATCHED_SECONDS = 1.0
"""A worker that nobody waited for so long is looked at before the next call."""

_DYING_SECONDS = 0.05
"""How long a process may take from closing its channel to being dead."""

_PEAK_SECONDS = 0.005
"""A call quicker than this is not worth reading its peak memory for."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. `peak_memory_bytes` is the worker's so far."""

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one call; `output` is what was printed since the last."""

    value: Data
    usage: Usage
    posture: Posture
    output: str


class Worker:
    """A process that serves one target under one policy.

    Made by `Sandbox.worker`. Calls of several threads take turns. `close` it, or
    use it as a context manager; closing the sandbox closes it too.
    """

    def __init__(
        self,
        process: Process,
        channel: Channel,
        output: Output,
        *,
        policy: Policy,
        callbacks: Callbacks,
        name: str,
        ground: Ground,
        released: Callable[[Worker], None],
    ) -> None:
        self.name = name
        self.policy = policy
        self.pid = process.pid
        self.posture = Posture((), -1, 0)
        self.last_output = ""
        """What it had printed since the last reply when it ended."""
        self._process = process
        self._channel = channel
        self._output = output
        self._callbacks = callbacks
        self._released = released
        self._ground = ground
        self._sampler = Sampler(
            process.pid,
            process.root,
            policy.limits,
            ground.scratch,
            ground.memory_kills,
        )
        self._lock = threading.Lock()
        self._owner = 0
        self._closed: SandboxError | None = None
        self._exit = Exit(None, None)
        self._deadline = self._sample_due = 0.0
        self._wall = 0.0
        self._poll = select.poll()
        for fd in (channel.socket.fileno(), output.fd, process.life_fd()):
            self._poll.register(fd, select.POLLIN)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether a call could still be answered."""
        return self._closed is None and not self._process.ended()

    def kill(self) -> None:
        """Kill the worker's whole tree at once; a call under way fails."""
        self._process.kill()

    def close(self) -> None:
        """Kill the worker and wait until its tree is reaped. May be repeated.

        A call under way in another thread fails with `WorkerDiedError`.
        """
        self._process.kill()
        closed = ClosedError(f"worker {self.name!r} is closed")
        if self._owner == threading.get_ident():  # from a callback
            self._end(closed)
            return
        with self._lock:
            self._end(closed)

    def call(
        self,
        method: str,
        arguments: Mapping[str, Data] | None = None,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Ask the worker; callbacks run on this thread meanwhile.

        `timeout` (seconds) can only shorten the policy's wall limit.

        Raises:
            RemoteError: If the handler raised; the worker lives on.
            LimitError: If a limit was reached; the worker is dead, unless the
                error is `claimed` or the request was too large.
            WorkerDiedError: If it ended by itself or was killed.
            ProtocolError: If it broke the protocol; it is dead.
            PolicyError: If the arguments may not cross; nothing was sent.
            ClosedError: If it ended before.
        """
        if self._owner == threading.get_ident():
            msg = f"a callback of worker {self.name!r} may not call it again"
            raise PolicyError(msg)
        wall = self.policy.limits.wall_seconds
        wall = wall if timeout is None else min(wall, timeout)
        with self._lock:
            self._owner = threading.get_ident()
            try:
                return self._call(method, dict(arguments or {}), wall)
            finally:
                self._owner = 0

    def _call(self, method: str, arguments: dict[str, Data], wall: float) -> Reply:
        if self._closed is not None:
            raise ClosedError(
                f"worker {self.name!r} is gone: {self._closed}",
                hint="start a new worker",
            ) from self._closed
        before = cpu_seconds(self.pid)
        started = time.monotonic()
        printed = self._output.total
        call = os.urandom(8)
        answer = self._exchange([_CALL, call, method, arguments], call, wall)
        if isinstance(answer, SandboxError):
            raise answer
        seconds = time.monotonic() - started
        if seconds > _PEAK_SECONDS:
            self._sampler.note_peak()
        usage = Usage(
            cpu_seconds=max(0.0, cpu_seconds(self.pid) - before),
            wall_seconds=seconds,
            peak_memory_bytes=self._sampler.peak_bytes,
            output_bytes=self._output.total - printed,
        )
        output = self._output.take().decode("utf-8", "replace")
        return Reply(answer, usage, self.posture, output)

    def finish(self, first: bytes) -> None:
        """Wait until the target is built; `first` is the id of the START sent.

        Callbacks run on this thread meanwhile.

        Raises:
            SandboxError: If anything is in the way; the worker is dead then.
        """
        with self._lock:
            self._owner = threading.get_ident()
            try:
                wall = self.policy.limits.wall_seconds
                answer = self._exchange(None, first, wall)
                if isinstance(answer, SandboxError):
                    raise self._end(answer)
                self._sampler.note_peak()
            finally:
                self._owner = 0

    def _exchange(self, message: list[Any] | None, call: bytes, wall: float) -> Any:
        """Send one frame, serve callbacks, give the answer or the reported error.

        Without a frame it is the start's answer that is waited for. Whatever else
        goes wrong kills the worker: its state would be unknown.
        """
        now = time.monotonic()
        self._wall, self._deadline = wall, now + wall
        try:
            if message is None:
                self._sample_due = now + _TICK_SECONDS
            else:
                if now > self._sample_due + _UNWATCHED_SECONDS:
                    self._watch(now)
                self._channel.send(message, self._wait)
            return self._receive(call, starting=message is None)
        except NotDataError as error:
            raise PolicyError(f"arguments: {error}") from None
        except FrameTooLargeError as error:
            reached = _limits.too_large(error.limit, error.used, error.unit)
            fatal = message is None or error.received
            raise (self._end(reached) if fatal else reached) from None
        except ChannelClosed:
            raise self._died() from None
        except FrameError as error:
            raise self._end(ProtocolError(str(error))) from None
        except BaseException as error:
            self._end(error)
            raise

    def _receive(self, call: bytes, *, starting: bool) -> Any:
        sequence, due = 0, _exchange.IN_CALL
        if starting:
            frame = self._channel.receive(self._wait)
            kind = _exchange.check(frame, BEFORE_CALLS, _exchange.AT_SEAL)
            told = _exchange.answer(kind, frame, self.policy, sealed=False)
            if isinstance(told, SandboxError):
                return told
            self.posture, due = told, _exchange.AT_BUILD
        while True:
            frame = self._channel.receive(self._wait)
            kind = _exchange.check(frame, call, due)
            if kind != _ASK:
                self._drain()
                return _exchange.answer(kind, frame, self.policy)
            sequence += 1
            name, arguments = _exchange.ask(frame, sequence)
            self._answer([call, sequence], name, arguments)
            # A worker that asks and asks is never waited for: look all the same.
            now = time.monotonic()
            self._check_deadline(now)
            if now >= self._sample_due:
                self._watch(now)

    def _answer(self, head: list[Data], name: str, arguments: dict[str, Data]) -> None:
        try:
            callback = self._callbacks.get(name)
            if callback is None:
                raise _exchange.no_callback(name)
            value = callback(arguments)
            if isinstance(value, Passed):
                self._pass(head, value)
                return
            message = [Kind.ANSWER, *head, value]
        except Exception as error:
            message = [Kind.REFUSE, *head, *_exchange.refusal(error)]
        if self._closed is not None:  # by the callback
            raise self._closed
        try:
            self._channel.send(message, self._wait)
        except (NotDataError, FrameTooLargeError) as error:
            unfit = ValueError(f"the host's answer can't cross: {error}")
            message = [Kind.REFUSE, *head, *_exchange.refusal(unfit)]
            self._channel.send(message, self._wait)

    def _pass(self, head: list[Data], passed: Passed) -> None:
        """Answer with descriptors: a frame that announces them, then they."""
        try:
            if self._closed is not None:  # by the callback
                raise self._closed
            message = [Kind.PASSED, *head, passed.value, len(passed.fds)]
            self._channel.send(message, self._wait)
            self._channel.send_fds(passed.fds, self._wait)
        finally:
            passed.close()

    def _check_deadline(self, now: float) -> None:
        if now >= self._deadline:
            used = now - self._deadline + self._wall
            raise WallLimitError(self._wall, used, "s")

    def _watch(self, now: float) -> None:
        self._sample_due = now + _TICK_SECONDS
        reached = self._sampler.check()
        if reached is not None:
            raise reached

    def _wait(self) -> None:
        """Look around while the worker is neither reading nor writing."""
        now = time.monotonic()
        self._check_deadline(now)
        if now >= self._sample_due:
            self._watch(now)
        seconds = min(_TICK_SECONDS, self._deadline - now)
        ready = dict(self._poll.poll(seconds * 1000))
        if self._output.fd in ready:
            self._drain()
        if (
            self._process.life_fd() in ready
            and self._channel.socket.fileno() not in ready
        ):
            # Dead, though something of its tree keeps the channel open.
            raise ChannelClosed

    def _drain(self) -> None:
        fd = self._output.fd
        if fd >= 0 and not self._output.drain():
            self._poll.unregister(fd)

    def _died(self) -> SandboxError:
        """The reason why the channel is closed."""
        dead = self._process.wait_dead(_DYING_SECONDS)
        kills = self._ground.memory_kills()
        self._end(WorkerDiedError(None, None))
        ended = self._exit
        if not dead and ended.signal == SIGKILL:
            self._closed = ProtocolError("it closed its channel")
        else:
            self._closed = cause(ended, self.policy.limits, kills)
        return self._closed

    def _end(self, error: E) -> E:
        """Bury the worker, remembering why; gives the error back."""
        if self._closed is None:
            self._closed = (
                error if isinstance(error, SandboxError) else WorkerDiedError(None, 9)
            )
            self._exit = self._process.close()
            self._channel.close()
            with suppress(OutputLimitError):
                self._output.drain()
            self.last_output = self._output.take().decode("utf-8", "replace")
            self._output.close()
            self._released(self)
        return error

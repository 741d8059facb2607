"""The end of one worker: why it came, what is released, and who is told what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from signal import SIGKILL

from lockgate_sandbox._line.flights import Flights
from lockgate_sandbox._line.ground import Ground
from lockgate_sandbox._line.process import Process, cause, was_full
from lockgate_sandbox._line.sender import Sender
from lockgate_sandbox._watch.limits import too_large
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._watch.suspicion import also_full
from lockgate_sandbox._wire.frame import ChannelClosed
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError
from lockgate_sandbox.errors import (
    ClosedError,
    CpuLimitError,
    LimitError,
    ProtocolError,
    SandboxError,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.tiers import Limits

__all__ = ["Burial"]

_OF_TIME = (CpuLimitError, WallLimitError)
"""What may come of a want of memory: CPython can go round for it, for ever."""


class Burial:
    """Buries one worker, once. Under the line's lock for reading.

    `closed` is the reason, None while it lives; `last_output` what it had printed
    since the last reply. `name` is what errors call it; `released` is called when
    nothing of it is left. `last_words` is called before it is concluded from a closed
    channel that it died: it may have said why, and nobody has read it.
    """

    name = ""
    released: Callable[[], None]
    last_words: Callable[[], None]

    def __init__(
        self,
        process: Process,
        sender: Sender,
        output: Output,
        flights: Flights,
        *,
        limits: Limits,
        ground: Ground,
    ) -> None:
        self.closed: SandboxError | None = None
        self.last_output = ""
        self._process = process
        self._sender = sender
        self._output = output
        self._flights = flights
        self._limits = limits
        self._ground = ground
        self._fate: SandboxError | None = None
        self._told = False

    def foretell(self, error: BaseException) -> None:
        """It is about to be killed, because of `error`. From any thread."""
        if self._fate is None and not isinstance(error, ChannelClosed):
            self._fate = _reason(error)

    def after(self, error: BaseException) -> SandboxError:
        """Bury the worker because of `error`; gives what callers are told."""
        if isinstance(error, ChannelClosed):
            return self._died()
        return self.end(_reason(error))

    def _died(self) -> SandboxError:
        """The reason why the channel is closed."""
        if self.closed is not None:
            return self.end(self.closed)
        if self._fate is None:
            self.last_words()
        if self._fate is not None:
            return self.end(self._fate)
        dead = self._process.wait_dying()
        kills = self._ground.memory_kills()
        ended = self._process.close()
        told = self._process.killed_for(self._ground.verdicts, self._limits)
        if not (dead or told) and ended.signal == SIGKILL:
            return self.end(ProtocolError("it closed its channel"))
        said = self._hear()
        return self.end(cause(ended, self._limits, kills, told, said))

    def end(self, error: SandboxError) -> SandboxError:
        """Bury the worker, remembering why; gives the first reason there was."""
        if self.closed is not None:
            # Whoever entered a call while it was buried waits for ever otherwise.
            self._flights.drop_all(self.closed)
            return self.closed
        self.closed = error
        try:
            ended = self._process.close()
            if isinstance(error, _OF_TIME) and was_full(ended, self._limits):
                error = self.closed = also_full(error)
            self._sender.close()
            error.output = self._hear()
            self._output.close()
        finally:
            # Also if a second Ctrl-C comes in here: other threads wait for answers.
            self._flights.drop_all(error)
            self.released()
        return self.closed

    def _hear(self) -> str:
        """What it has printed since the last reply; it is dead."""
        with suppress(LimitError):
            self._output.drain()
        self.last_output += self._output.take().decode("utf-8", "replace")
        return self.last_output

    def disown(self, why: SandboxError) -> None:
        """It lives on without us: in this process every call ends for `why`."""
        if self.closed is None:
            self.closed = why
            self._flights.drop_all(why)

    def told(self, error: SandboxError | None) -> SandboxError:
        """The error for one of several calls that a dead worker leaves behind."""
        if error is None or (error is self.closed and self._told):
            return self.gone()
        self._told = self._told or error is self.closed
        return error

    def gone(self) -> ClosedError:
        """The error for whoever comes too late."""
        error = ClosedError(
            f"worker {self.name!r} is gone: {self.closed}", hint="start a new worker"
        )
        error.__cause__ = self.closed
        return error


def _reason(error: BaseException) -> SandboxError:
    """What callers are told of `error`."""
    if isinstance(error, SandboxError):
        return error
    if isinstance(error, FrameTooLargeError):
        return too_large(error.limit, error.used, error.unit)
    if isinstance(error, FrameError):
        return ProtocolError(str(error))
    killed = WorkerDiedError(None, int(SIGKILL))
    killed.__cause__ = error  # an interrupt, or a fault of our own
    return killed

"""Looking at a worker while nobody hears from it: deadlines, limits, output, death.

A quick call never gets here. The thread that reads comes each time the socket's
own timeout has passed, the one that sends when the worker takes nothing.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._line.ground import Ground
from lockgate_sandbox._line.process import Process
from lockgate_sandbox._watch.output import Output
from lockgate_sandbox._watch.sample import Sampler
from lockgate_sandbox._watch.tree import cpu_clock
from lockgate_sandbox._wire.frame import ChannelClosed
from lockgate_sandbox.errors import CancelledError, SandboxError, WallLimitError
from lockgate_sandbox.tiers import Limits

__all__ = ["TICK_SECONDS", "Cancel", "Vigil"]

Cancel: TypeAlias = Callable[[Flight, SandboxError], object]
"""Asks the worker to end a call."""

TICK_SECONDS = 0.05
"""How often a waiting thread looks at deadline and limits."""

_UNWATCHED_SECONDS = 1.0
"""A worker that nobody waited for so long is looked at before the next call."""

_CANCEL_SECONDS = 0.25
"""How long a worker may take to end a call that was cancelled."""

_TO_CANCEL = "s to end what was cancelled"

_SENDING_SECONDS = 0.005


class Vigil:
    """Watches one worker. Who reads does it, and whoever waits for its turn to.

    `watch` and `seen` may run in any thread, all else in the one that reads.
    """

    def __init__(
        self,
        process: Process,
        channel_fd: int,
        output: Output,
        limits: Limits,
        ground: Ground,
    ) -> None:
        self.sampler: Sampler
        self._process = process
        self._ground = ground
        self._limits = limits
        self._output = output
        self._life_fd = process.life_fd()
        self._channel_fd = channel_fd
        self._clock = 0
        self.due = self.unwatched_from = 0.0
        self._sampling = threading.Lock()
        self._poll = select.poll()
        for fd in (channel_fd, output.fd, self._life_fd):
            self._poll.register(fd, select.POLLIN)

    def begin(self, now: float) -> None:
        """The process is known: from now on there is something to look at."""
        process, ground = self._process, self._ground
        self.sampler = Sampler(
            process.pid,
            process.root,
            self._limits,
            ground.scratch,
            ground.memory_kills,
        )
        self._clock = cpu_clock(process.pid)
        self.seen(now)

    def wait(self, also: int = -1, *, sending: bool = False) -> None:
        """Wait a tick for the channel, and take what is printed meanwhile.

        `also` is one more descriptor that something may come by.

        Raises:
            ChannelClosed: If the worker is dead.
            OutputLimitError: If its output is a flood.
        """
        if sending:
            self._poll.modify(self._channel_fd, select.POLLIN | select.POLLOUT)
        if also >= 0:
            self._poll.register(also, select.POLLIN)
        try:
            seconds = _SENDING_SECONDS if sending else TICK_SECONDS
            ready = dict(self._poll.poll(seconds * 1000))
        finally:
            if sending:
                self._poll.modify(self._channel_fd, select.POLLIN)
            if also >= 0:
                self._poll.unregister(also)
        if self._output.fd in ready:
            self.drain()
        if self._life_fd in ready and self._channel_fd not in ready:
            # Dead, though something of its tree keeps the channel open.
            raise ChannelClosed

    def wait_to_send(self) -> None:
        """Wait until the worker takes something, while another thread looks around."""
        poll = select.poll()  # one object is for one thread at a time
        poll.register(self._channel_fd, select.POLLOUT)
        poll.poll(_SENDING_SECONDS * 1000)

    def check_deadlines(
        self,
        now: float,
        flights: Iterable[Flight],
        cancel: Cancel,
    ) -> None:
        """Cancel each call whose own time is over.

        Raises:
            WallLimitError: If the policy's is, or a cancelled call does not end.
        """
        for flight in flights:
            if now < flight.deadline or flight.done:
                continue
            used = now - flight.deadline + flight.wall
            if flight.wall < self._limits.wall_seconds:
                if not flight.cancelled:
                    cancel(flight, WallLimitError(flight.wall, used, "s"))
                    continue
                waited = now - flight.cancelled
                if waited < _CANCEL_SECONDS:
                    continue
                if isinstance(flight.fate, CancelledError):
                    raise WallLimitError(_CANCEL_SECONDS, waited, _TO_CANCEL)
            raise WallLimitError(flight.wall, used, "s")

    def look(self, now: float, flights: Iterable[Flight], cancel: Cancel) -> None:
        """Look at the calls under way, and at the limits if that is due.

        Raises:
            LimitError: If one is reached.
        """
        self.check_deadlines(now, flights, cancel)
        self.watch(now)

    def seen(self, now: float) -> None:
        """It need not be looked at before a tick after `now`."""
        self.due = now + TICK_SECONDS
        self.unwatched_from = self.due + _UNWATCHED_SECONDS

    def watch(self, now: float) -> None:
        """Compare the worker with its limits, if that is due.

        Raises:
            LimitError: If one is reached.
        """
        # Who finds another thread at it leaves it to that one: nobody waits here.
        if now < self.due or not self._sampling.acquire(blocking=False):
            return
        try:
            if now < self.due:  # that one has just been through
                return
            self.seen(now)
            reached = self.sampler.check()
        finally:
            self._sampling.release()
        if reached is not None:
            raise reached

    def drain(self) -> None:
        """Read what the worker has printed.

        Raises:
            OutputLimitError: If it is a flood.
        """
        fd = self._output.fd
        if fd >= 0 and not self._output.drain():
            self._poll.unregister(fd)

    def cpu_seconds(self) -> float:
        """CPU time of the worker's process; 0 if it is gone."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

"""One sealed process and the calls to it.

`Worker.call` asks and waits; `submit` and `map` keep many calls under way; `stream`
brings items as they are made, and takes items as they are wanted. All of them may
be used from any number of threads at a time.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.flights import FLIGHTS_LIMIT, Flight, check_in_flight
from lockgate_sandbox._line.line import Line
from lockgate_sandbox._spelling.arguments import named
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import ClosedError, PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Reply
from lockgate_sandbox.streams import Pending, Stream

if TYPE_CHECKING:
    from lockgate_sandbox.data import Given

__all__ = ["Worker"]

# A plain integer: an enumeration's member costs two look-ups in every call.
_CALL = int(Kind.CALL)

_UNKNOWN = Posture((), -1, 0)

_BATCH_CALLS = 24
"""Calls that `submit` gathers before it sends them, if nobody waits for one. Of so
many small ones the frame is still checked at a glance (`_scan.check`)."""


class Worker:
    """A process that serves one target under one policy.

    Made by `Sandbox.worker`. `close` it, or use it as a context manager; closing
    the sandbox closes it too. Of calls under way at the same time a handler that
    is a plain function answers one after the other, one that is a coroutine
    function all at once.
    """

    def __init__(
        self,
        line: Line,
        *,
        policy: Policy,
        callbacks: Callbacks,
        name: str,
        released: Callable[[Worker], None],
        folders: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._host = os.getpid()
        self.policy = policy
        self.pid = line.process.pid
        self.posture = _UNKNOWN
        self._line = line
        line.hand_over(name, callbacks, lambda: released(self), folders)
        self._outbox: list[tuple[Flight, list[Any]]] = []
        self._gathering = threading.Lock()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether a call could still be answered."""
        return self._line.closed is None and not self._line.process.ended()

    @property
    def last_output(self) -> str:
        """What it had printed since the last reply when it ended."""
        return self._line.last_output

    def kill(self) -> None:
        """Kill the worker's whole tree at once; calls under way fail.

        From any thread, and without waiting: `close` lets go of what it had. In a
        forked copy of the host nothing happens: the worker is its parent's.
        """
        if os.getpid() == self._host:
            self._line.kill()

    def close(self) -> None:
        """Kill the worker and wait until its tree is reaped. May be repeated.

        From any thread: calls under way in others fail with `ClosedError`. In a forked
        copy of the host nothing happens.
        """
        if os.getpid() != self._host:
            return
        self._line.close(ClosedError(f"worker {self.name!r} is closed"))

    def finish(
        self, first: bytes, sealed: Posture | None = None, peak_kib: int = 0
    ) -> None:
        """Wait until the target is built; `first` is the id of the START sent.

        Callbacks run on this thread meanwhile. `sealed` is the posture and `peak_kib`
        the memory used so far, if that is known; else the worker tells it first.

        Raises:
            SandboxError: If anything is in the way; the worker is dead then.
        """
        self.posture = self._line.start(first, sealed, peak_kib)

    def meet(self, sealed: Posture | None, peak_kib: int) -> None:
        """Wait until it is sealed; what it is to do it may be told later.

        `sealed` is the posture and `peak_kib` the memory used so far, if that is known.

        Raises:
            SandboxError: If anything is in the way; the worker is dead then.
        """
        self.posture = self._line.meet(sealed, peak_kib)

    def call(
        self,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Ask the worker; callbacks run on this thread meanwhile.

        `timeout` (seconds) can only shorten the policy's wall limit. When it has
        passed the worker is asked to end the call, and killed if it does not do so
        at once.

        Raises:
            RemoteError: If the handler raised; the worker lives on.
            LimitError: If a limit was reached; the worker is dead, unless the error
                is `claimed`, the request was too large, or the call ended when it
                was asked to because its `timeout` had passed.
            WorkerDiedError: If it ended by itself or was killed.
            ProtocolError: If it broke the protocol; it is dead.
            PolicyError: If the arguments may not cross; nothing was sent.
            ClosedError: If it ended before.
        """
        line = self._line
        if line.row is not None:  # nothing is gathered or served where it takes a call
            reply = line.row(method, arguments or {}, timeout)
            if reply is not None:
                return reply
        if line.serving:
            self._refuse_callbacks()
        if self._outbox:
            self.flush()
        return line.direct(method, arguments or {}, timeout)

    def submit(
        self,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        timeout: float | None = None,
    ) -> Pending:
        """Begin a call whose answer is fetched later, with `Pending.result`.

        Calls are gathered and sent together when an answer is waited for, or there
        are enough of them. At most 1,024 are under way; one more waits.

        Raises:
            ClosedError: If the worker ended before.
            PolicyError: If a callback of this worker asks.
        """
        self._refuse_callbacks()
        while len(self._line.flights.table) >= FLIGHTS_LIMIT:
            self._land_one()
        started, given = time.monotonic(), named("arguments", arguments)
        flight = self._line.open(timeout)
        message: list[Any] = [_CALL, flight.call, method, given]
        with self._gathering:
            self._outbox.append((flight, message))
            full = len(self._outbox) >= _BATCH_CALLS
        if full:
            self.flush()
        return Pending(self._line, flight, started, self.flush)

    def flush(self) -> None:
        """Send the calls that `submit` has gathered."""
        if self._line.closed is not None:
            return  # they have ended with it
        with self._gathering:
            messages, self._outbox = self._outbox, []
        if messages:
            self._line.send_batch(messages)

    def map(
        self,
        method: str,
        arguments: Iterable[Mapping[str, Given]],
        *,
        in_flight: int = 64,
        timeout: float | None = None,
    ) -> Generator[Reply]:
        """The replies to many calls, in order, with up to `in_flight` under way.

        Raises:
            SandboxError: As `call` does, in the place of the reply.
            PolicyError: If `in_flight` is not between 1 and 1,024.
        """
        check_in_flight(in_flight)
        waiting: deque[Pending] = deque()
        try:
            for one in arguments:
                waiting.append(self.submit(method, one, timeout=timeout))
                if len(waiting) >= in_flight:
                    # Half of them at once, so that the next ones go together too.
                    for _ in range(min(_BATCH_CALLS, (in_flight + 1) // 2)):
                        yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for pending in waiting:
                pending.cancel()

    def stream(
        self,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        items: Iterable[Given] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """Call a handler that gives its answer in pieces, or takes items, or both.

        A handler that returns a generator is read item by item as the caller
        iterates; at most 16 items are under way, then the worker waits. `items`
        are what the handler gets from ``session.items()``, sent as it wants them.

        Raises:
            SandboxError: As `call` does.
        """
        started, given = time.monotonic(), named("arguments", arguments)
        self._refuse_callbacks()
        flight = self._line.open(timeout)
        self.flush()
        stream = Stream(self._line, flight, started, items)
        stream.begin(method, given)
        return stream

    @property
    def line(self) -> Line:
        """The channel below: for `aio`, not for callers."""
        return self._line

    def _refuse_callbacks(self) -> None:
        serving = self._line.serving
        if serving and threading.get_ident() in serving:
            msg = f"a callback of worker {self.name!r} may not call it again"
            raise PolicyError(msg)

    def _land_one(self) -> None:
        """Wait until one of the calls under way has its answer."""
        self.flush()
        table = self._line.flights.table
        oldest = next(iter(table.values()), None)
        if oldest is not None:
            self._line.until_mail(oldest)
            self._line.answer(oldest)

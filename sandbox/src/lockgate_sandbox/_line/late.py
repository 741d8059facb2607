"""A START that waits for the first call, and goes along with it.

One frame, one answer, and so one wake-up of either side instead of two. The process is
sealed by then and its posture known to the host: nothing of the job, and no argument of
a call, is sent before.

A first call that is large, or that brings or takes items, follows a START of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.sender import is_light
from lockgate_sandbox._watch.limits import too_large
from lockgate_sandbox._wire.buffers import is_flat
from lockgate_sandbox._wire.frame import NotDataError
from lockgate_sandbox._wire.misfit import CROSSES
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.errors import PolicyError, SandboxError

if TYPE_CHECKING:
    from typing import Protocol

    from lockgate_sandbox._line.burial import Burial
    from lockgate_sandbox._line.flights import Flight, Flights
    from lockgate_sandbox._line.sender import Sender
    from lockgate_sandbox.replies import Reply

    class Line(Protocol):
        """The line of a worker whose target is not built yet."""

        burial: Burial
        direct: Any
        flights: Flights
        late: Late | None
        sender: Sender

        def build(self, flight: Flight) -> None: ...
        def call(
            self,
            method: str,
            arguments: Any,
            timeout: float | None,
            since: float | None = None,
        ) -> Reply: ...
        def finish(self, flight: Flight, started: float) -> Reply: ...
        def broken(self, error: BaseException) -> SandboxError: ...


__all__ = ["Late"]

_MISFITS = (NotDataError, FrameTooLargeError)


class Late:
    """Has the target of `line` built by whatever is asked of it first.

    `message` makes the START of an id, of which `flat` says whether all in it is.
    `wall` is the policy's seconds for a call, and for a start. Thread-safe: of several
    threads one sends it, and what the others ask comes behind it.
    """

    def __init__(
        self,
        line: Line,
        message: Callable[[bytes], list[Any]],
        wall: float,
        *,
        flat: bool,
    ) -> None:
        self._line = line
        self._message = message
        self._wall = wall
        self._flat = flat
        self._lock = threading.Lock()
        self._direct: Callable[[str, Any, float | None], Reply] = line.direct
        line.late, line.direct = self, self.call

    def call(self, method: str, arguments: Any, timeout: float | None) -> Reply:
        """One call from its question to its reply; the first one has it built.

        Its seconds are those of the start, too, and so is what its reply says was used.

        Raises:
            SandboxError: As `Worker.call` does, or if there is no target; the worker
                is dead then.
        """
        started = time.monotonic()
        both = None
        with self._lock:
            due = self._is_due()
            if due:
                both = self._send_both(method, arguments, timeout, started)
        if both is not None:
            return self._line.finish(both, started)
        if not due:
            return self._direct(method, arguments, timeout)
        self.build(timeout, started)
        return self._line.call(method, arguments, timeout, started)

    def build(self, timeout: float | None, started: float) -> None:
        """Have it built now, if it is not, for a call that `started` before.

        It has that call's seconds, or what is left of them is the call's.

        Raises:
            SandboxError: If there is no target; the worker is dead then.
        """
        flight = self.send(timeout, started)
        if flight is not None:
            self._line.build(flight)

    def send(self, timeout: float | None, started: float) -> Flight | None:
        """Send the START alone, if it is due. May wait until the child reads.

        Raises:
            SandboxError: If the worker is dead, or what the target is given can't
                cross: then it is dead, too.
        """
        with self._lock:
            if not self._is_due():
                return None
            try:
                return self._send([], self._seconds(timeout), started)
            except NotDataError as error:
                refused = PolicyError(f"arguments: {error}", hint=CROSSES)
                raise self._line.broken(refused) from None
            except FrameTooLargeError as error:
                large = too_large(error.limit, error.used, error.unit)
                raise self._line.broken(large) from None

    def begin(
        self, method: str, arguments: Any, timeout: float | None
    ) -> tuple[Flight, float] | None:
        """`call` for a thread that must not wait: the call, and when it began.

        None, and nothing sent, if that can't be done at once.

        Raises:
            SandboxError: If the worker is dead.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if not self._is_due() or not is_light(self._message(b"")[3:]):
                return None
            started = time.monotonic()
            flight = self._send_both(method, arguments, timeout, started)
        finally:
            self._lock.release()
        return None if flight is None else (flight, started)

    def send_now(self, timeout: float | None, started: float) -> Flight | None:
        """`send` for a thread that must not wait; None if that can't be done at once.

        Raises:
            SandboxError: If the worker is dead.
        """
        if not is_light(self._message(b"")[3:]):
            return None
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._is_due():
                return self._send([], self._seconds(timeout), started)
        except _MISFITS:
            pass  # `send` says so
        finally:
            self._lock.release()
        return None

    def _is_due(self) -> bool:
        line = self._line
        if line.burial.closed is not None:
            raise line.burial.gone()
        return line.late is self

    def _send_both(
        self, method: str, arguments: Any, timeout: float | None, started: float
    ) -> Flight | None:
        """Send the START with this call; None, and nothing sent, if it does not fit."""
        call: list[Any] = [method, arguments]
        if type(method) is not str or type(arguments) is not dict or not is_light(call):
            return None
        try:
            return self._send(call, self._seconds(timeout), started)
        except _MISFITS:
            return None

    def _seconds(self, timeout: float | None) -> float:
        return self._wall if timeout is None or timeout > self._wall else timeout

    def _send(self, call: list[Any], wall: float, started: float) -> Flight:
        """Send the START, and `call` with it.

        Raises:
            NotDataError: If something in it may not cross; nothing was sent.
            FrameTooLargeError: If it is too large; likewise.
            SandboxError: If the worker is dead.
        """
        line, ident = self._line, self._line.flights.fresh_id()
        flight = line.flights.enter(ident, wall, started + wall, both=bool(call))
        flight.waited_for, flight.alone = True, not call
        flat = self._flat and (not call or is_flat(call[1]))
        try:
            line.sender.send([*self._message(ident), *call], flat=flat)
        except _MISFITS as error:
            if getattr(error, "received", False):
                raise line.broken(error) from None
            line.flights.table.pop(ident, None)
            raise
        except BaseException as error:
            raise line.broken(error) from None
        line.late, line.direct = None, self._direct
        return flight

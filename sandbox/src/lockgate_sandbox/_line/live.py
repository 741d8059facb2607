"""Calls whose output is handed on while they run, to a function of the host's.

What a worker prints is read anyway while its answer is waited for. Here it also ends
the waiting, and the thread that called runs the function, as it runs callbacks: with
no lock held, so that it may take its time, or close the worker.
"""

from __future__ import annotations

import threading
import time
from codecs import getincrementaldecoder
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate_sandbox._line.process import wait_readable
from lockgate_sandbox._line.reading import Enough
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.errors import LimitError, PolicyError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockgate_sandbox._line.flights import Flight
    from lockgate_sandbox._line.line import Line
    from lockgate_sandbox.replies import Reply

__all__ = ["Live"]

_CALL = int(Kind.CALL)
_GATHER_SECONDS = 0.002
_UTF8 = getincrementaldecoder("utf-8")


class Live:
    """Calls the worker of `line`, and `hear` with what it prints meanwhile.

    What `hear` was given in a call, joined, is the output of its reply or error.
    `raised` is what `hear` has raised: the worker is dead then.
    """

    def __init__(self, line: Line, hear: Callable[[str], object]) -> None:
        self.raised: BaseException | None = None
        self._line = line
        self._hear = hear
        self._came = deque[bytes]()  # from whichever thread reads
        self._decode = _UTF8("replace").decode
        self._heard: list[str] = []

    def call(
        self, method: str, arguments: dict[str, Any], *, timeout: float | None = None
    ) -> Reply:
        """One call, as `Worker.call`.

        Raises:
            PolicyError: If `hear`, or a callback of this worker, asks; or if another
                thread's call is listened to.
            SandboxError: As `Worker.call` does.
            BaseException: What `hear` raises.
        """
        output = self._line.output
        name = self._line.burial.name
        if threading.get_ident() in self._line.serving:
            raise PolicyError(f"a callback of worker {name!r} may not call it again")
        if output.tap is not None:
            msg = f"worker {name!r} has a call already that is listened to"
            raise PolicyError(msg, hint="one at a time, or a worker for each thread")
        self._heard.clear()
        output.listen(self._came.append)
        self._hasten(True)
        try:
            reply = self._finish(*self._begin(method, arguments, timeout))
        except SandboxError as error:
            if error is not self.raised:
                self._hand_on(last=True)
                error.output = "".join(self._heard)
            raise
        finally:
            output.tap = None
            self._hasten(False)
        self._hand_on(last=True)
        return msgspec.structs.replace(reply, output="".join(self._heard))

    def _hasten(self, wanted: bool) -> None:
        """Wait by the poll alone, which hears the output, and not by the socket first.

        That one's own timeout is a tick of the kernel's at least: up to 20 ms.
        """
        with suppress(OSError):  # closed
            self._line.channel.socket.setblocking(not wanted)

    def _begin(
        self, method: str, arguments: dict[str, Any], timeout: float | None
    ) -> tuple[Flight, float]:
        """Send the call, along with the START if that is still due."""
        line, started = self._line, time.monotonic()
        if line.late is not None:
            both = line.late.begin(method, arguments, timeout)
            if both is not None:
                return both
        flight = line.open(timeout, since=started)
        flight.waited_for = True
        line.send([_CALL, flight.call, method, arguments], flight, large=3)
        return flight, started

    def _finish(self, flight: Flight, started: float) -> Reply:
        line = self._line
        while not flight.done:
            line.until_mail(flight, self._wait)
            if flight.done:
                break
            self._catch_up()
            self._hand_on()
            if flight.asks:
                line.answer(flight)
        return line.reply(flight, started)

    def _wait(self) -> None:
        """Look around while the worker does not write, until it has printed.

        What it prints is gathered for a moment, unless it answers or asks: `print`
        writes a line and its end one after the other.
        """
        line, channel = self._line, self._line.channel
        if self._came and not channel.partial:
            line.look_around(line.cancel)
        else:
            line.wait()
        fd = channel.socket.fileno()
        if self._came and not (channel.partial or wait_readable(fd, _GATHER_SECONDS)):
            raise Enough

    def _catch_up(self) -> None:
        """Read what was printed before a callback was asked for."""
        line = self._line
        if not line.reading.acquire(blocking=False):
            return  # another thread is at it
        try:
            line.vigil.drain()
        except LimitError as flood:
            raise line.broken(flood) from None
        finally:
            line.reading.release()

    def _hand_on(self, *, last: bool = False) -> None:
        came = self._came
        text = self._decode(b"".join(came.popleft() for _ in range(len(came))), last)
        if not text:
            return
        self._heard.append(text)
        me, serving = threading.get_ident(), self._line.serving
        serving.add(me)
        try:
            self._hear(text)
        except BaseException as error:
            self.raised = error
            # Else it waits, in a forked copy, for a thread that only its parent has.
            if self._line.closed is None:
                self._line.broken(error)
            raise
        finally:
            serving.discard(me)

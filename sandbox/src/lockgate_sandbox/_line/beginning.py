"""The beginning of a line: the seal that is told, and the target that is built."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._line.reading import Reading
from lockgate_sandbox._wire import exchange
from lockgate_sandbox._wire.frame import BEFORE_CALLS, ChannelClosed, Kind
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError
from lockgate_sandbox.errors import LimitError, SandboxError
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Reply

if TYPE_CHECKING:
    from lockgate_sandbox._line.ledger import Ledger
    from lockgate_sandbox.policy import Policy

__all__ = ["Beginning"]

_FAILED = int(Kind.FAILED)


def _give_up() -> None:
    raise ChannelClosed


class Beginning(Reading):
    """What `Line` begins with; it makes the parts."""

    policy: Policy
    wall: float
    ledger: Ledger
    folders: Sequence[str] = ()
    """Where its target is imported from, for whoever is told what was not found."""

    def value_of(self, flight: Flight) -> Any:
        """What the answer of a call means: a value, or an error to raise."""
        answer = flight.answer
        if answer is None or isinstance(answer, SandboxError):
            return self.burial.told(answer)
        try:
            told = flight.fate or self._meaning(answer)
        except FrameError as error:
            return self.broken(error)
        if flight.refused is not None and isinstance(told, SandboxError):
            exchange.explain(told, flight.refused)
        return self.broken(told) if answer[0] == _FAILED else told

    def _meaning(self, answer: Sequence[Any]) -> Any:
        return exchange.answer(answer[0], answer, self.policy, folders=self.folders)

    def start(self, first: bytes, sealed: Posture | None, peak_kib: int) -> Posture:
        """Wait until the target is built; `first` is the id of the START sent.

        `sealed` is the posture and `peak_kib` the memory used so far, if that is known;
        else the worker tells it first.

        Raises:
            SandboxError: If anything is in the way; the worker is dead then.
        """
        now = time.monotonic()
        sealed = self.meet(sealed, peak_kib)
        self.build(self.flights.enter(first, self.wall, now + self.wall))
        self.ledger.built(now)
        return sealed

    def meet(self, sealed: Posture | None, peak_kib: int) -> Posture:
        """Begin to watch the process, and wait for its READY unless it is known.

        Raises:
            SandboxError: If it has no seal; it is dead then.
        """
        now = time.monotonic()
        self.vigil.begin(now)
        if sealed is None:
            self.flights.enter(BEFORE_CALLS, self.wall, now + self.wall)
            sealed, peak_kib = self._told_ready()
            self.flights.table.pop(BEFORE_CALLS, None)
        self.vigil.sampler.trust(sealed)
        self.vigil.sampler.peak_bytes = peak_kib * 1024
        self.ledger.begin(sealed)
        return sealed

    def build(self, flight: Flight) -> None:
        """Wait until the START of `flight` is answered.

        Raises:
            SandboxError: If there is no target; the worker is dead then.
        """
        flight.waited_for = True
        while not flight.done:
            self.until_mail(flight)
            self.answer(flight)
        self.built(flight)

    def built(self, flight: Flight) -> Reply:
        """What the answer of a START alone means: that there is a target.

        Raises:
            SandboxError: If there is none; the worker is dead then.
        """
        told = self.value_of(flight)
        if isinstance(told, SandboxError):
            raise self.broken(told)
        if flight.frame_bytes:
            self.flights.answer_taken(flight)
        return self.ledger.unsettled()

    def foretell(self, failed: list[Any]) -> None:
        """The worker will end because its start `failed`: who reads on knows why."""
        with suppress(FrameError):  # then whoever wants the answer says so
            self.burial.foretell(self._meaning(failed))

    def hear_failure(self) -> None:
        """Read what a worker has left that was being built: perhaps why it was not.

        Who sends finds it gone before it is read, and where calls lie unread behind the
        START the kernel says that first (ECONNRESET, once).
        """
        if not self.flights.starting:
            return
        with suppress(ChannelClosed, FrameError, FrameTooLargeError, LimitError):
            while self.channel.has_more():
                frame = self.channel.receive(_give_up)
                if frame[0] == _FAILED:  # nothing else is worth anything now
                    self.take(frame, None)

    def _told_ready(self) -> tuple[Posture, int]:
        with self.reading:
            try:
                frame = self.channel.receive(self.wait)
                kind = exchange.check(frame, BEFORE_CALLS, exchange.AT_SEAL)
                told = exchange.answer(kind, frame, self.policy, sealed=False)
            except BaseException as error:
                raise self.burial.after(error) from None
        if isinstance(told, SandboxError):
            raise self.broken(told)
        return cast("Posture", told), frame[2][1]

"""The berth of one plugin: it stays, the seat in it may be changed for another.

Dispatch asks the berth, the berth asks the seat that is in it at that moment. When
another seat takes its place (a new version, a new environment), calls that began
with the old one end there, and it closes behind the last of them: no call is lost.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import perf_counter, time
from typing import TYPE_CHECKING, Self

from lockgate._call.answers import Answer
from lockgate._call.call import Call
from lockgate._call.down import marked
from lockgate._call.wrapping import Outcome
from lockgate._dispatch.in_process import Direct
from lockgate._dispatch.wrapped import Wrapping
from lockgate._inhost.seat import InHostPlugin
from lockgate._manifest.value import HookImpl
from lockgate._record.journal import Journal
from lockgate._record.lifecycle import History
from lockgate._record.meter import FOLD_CALLS, Meter
from lockgate._record.trace import Span, current
from lockgate._sealed.seat import SealedPlugin
from lockgate._settings.value import WhenDown
from lockgate.errors import LockgateError
from lockgate.grants import Identity

if TYPE_CHECKING:
    from lockgate._specs.spec import HookSpec
    from lockgate.discovery import PluginState

__all__ = ["Berth"]


@dataclass(slots=True)
class _Sitting:
    """A seat, and the calls that are under way in it."""

    seat: SealedPlugin | InHostPlugin
    calls: int = 0
    leaving: bool = False


class _Staying:
    """A wrapper that has begun: it is counted, and its seat left, when it has ended.

    `over` is told how long it took itself, before its ``yield`` and after, and how it
    ended.
    """

    def __init__(
        self, wrapping: Wrapping, seconds: float, over: Callable[[float, str], None]
    ) -> None:
        self._wrapping = wrapping
        self._seconds = seconds
        self._over = over
        self.answer = wrapping.answer

    def finish(self, call: Call, outcome: Outcome) -> Outcome:
        """Hand in the outcome."""
        started, ended = perf_counter(), "interrupted"
        try:
            finished = self._wrapping.finish(call, outcome)
            ended = "answered"
            return finished
        except LockgateError as error:
            ended = error.code
            raise
        finally:
            self._over(self._seconds + perf_counter() - started, ended)

    def drop(self) -> None:
        """End it without an outcome."""
        started = perf_counter()
        try:
            self._wrapping.drop()
        finally:
            self._over(self._seconds + perf_counter() - started, "closed")


class Berth:
    """Asks whoever sits here. Thread-safe."""

    def __init__(
        self,
        state: PluginState,
        seat: SealedPlugin | InHostPlugin,
        impls: Iterable[HookImpl],
        history: History,
        meter: Meter,
        journal: Journal,
        when_down: WhenDown | None = None,
    ) -> None:
        self._when_down: WhenDown | None = when_down
        self.state = state
        self._meter = meter
        self._new = meter.new
        self._journal = journal
        self._number, self._remember = journal.number, journal.note
        self.impls = tuple(impls)
        self.history = history
        self._lock = threading.Lock()
        self._sitting = _Sitting(seat)
        # What runs in the host itself has nothing to close and is never changed.
        self._fixed = self._sitting if isinstance(seat, InHostPlugin) else None

    @property
    def seat(self) -> SealedPlugin | InHostPlugin:
        """Who sits here now."""
        return self._sitting.seat

    @property
    def on_loop(self) -> Self | None:
        """Itself, if it sits in this process: then nobody else ever sits here."""
        return None if self._fixed is None else self

    @property
    def identity(self) -> Identity:
        """Who it is."""
        return self._sitting.seat.identity

    def ask(self, call: Call) -> Answer[object] | None:
        """Put `call` to the plugin; None if it has no answer.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        span = Span(current.get())
        token = current.set(span)
        outcome = "interrupted"
        sitting = self._enter()
        started = perf_counter()
        try:
            answer = sitting.seat.ask(call)
            outcome = "none" if answer is None else "answered"
            return answer
        except LockgateError as error:
            outcome = error.code
            raise self._told(error, span)  # noqa: B904 - it says from what
        finally:
            current.reset(token)
            seconds = perf_counter() - started
            call.took(sitting.seat.identity.plugin, seconds)
            self._over(sitting, call.spec.name, span, seconds, outcome)

    def direct(self, spec: HookSpec, *, alone: bool) -> Direct | None:
        """What asks for `spec` in this process: `ask`, with all done that can be once.

        None where a call needs more than its data; `alone`: nobody else is given them.
        """
        sitting = self._sitting
        seat = sitting.seat
        if not isinstance(seat, InHostPlugin):
            return None
        what = seat.direct(spec, alone=alone)
        if what is None:
            return None

        def failed(
            error: BaseException, until: float | None, span: Span, started: float
        ) -> LockgateError:
            seconds, outcome = perf_counter() - started, "interrupted"
            try:
                told = what.blamed(error, until)
                outcome = told.code
                return self._told(told, span)
            finally:
                self._over(sitting, spec.name, span, seconds, outcome)

        return Direct(seat.identity, what, self._journal, self._meter, failed)

    def _told(self, error: LockgateError, span: Span) -> LockgateError:
        """`error`, with its place in the trace, or what the owner says of such.

        That is raised from `error`.
        """
        error.trace = error.trace or span.trace_id
        told = marked(error, self._when_down)
        if told is not error:
            told.__cause__ = error
        return told

    def stream(self, call: Call) -> Generator[object]:
        """The items of a streaming hook: of the seat that was there at its begin.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        span, outcome = Span(current.get()), "closed"
        sitting = self._enter()
        started = perf_counter()
        try:
            yield from sitting.seat.stream(call)
            outcome = "answered"
        except LockgateError as error:
            outcome = error.code
            raise self._told(error, span)  # noqa: B904 - it says from what
        finally:
            seconds = perf_counter() - started
            self._over(sitting, call.spec.name, span, seconds, outcome)

    def awaits(self, spec: HookSpec) -> bool | None:
        """Whether its answer is made on the loop of who calls; None: not known yet."""
        seat = self._sitting.seat
        return isinstance(seat, InHostPlugin) and seat.awaits(spec)

    def prepare(self, spec: HookSpec) -> None:
        """Have it known what `awaits` says; what it fails for is told when asked."""
        seat = self._sitting.seat
        if isinstance(seat, InHostPlugin):
            with suppress(LockgateError):
                seat.prepare(spec)

    async def ask_on_loop(self, call: Call) -> Answer[object] | None:
        """`ask`, where `awaits` is true.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        sitting, seat = self._sitting, self._here()
        span = Span(current.get())
        token = current.set(span)
        started, outcome = perf_counter(), "interrupted"
        try:
            answer = await seat.ask_on_loop(call)
            outcome = "none" if answer is None else "answered"
            return answer
        except LockgateError as error:
            outcome = error.code
            raise self._told(error, span)  # noqa: B904 - it says from what
        finally:
            current.reset(token)
            seconds = perf_counter() - started
            self._over(sitting, call.spec.name, span, seconds, outcome)

    async def stream_on_loop(self, call: Call) -> AsyncGenerator[object]:
        """`stream`, where `awaits` is true.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        sitting, span = self._sitting, Span(current.get())
        started, outcome = perf_counter(), "closed"
        try:
            async with aclosing(self._here().stream_on_loop(call)) as items:
                async for item in items:
                    yield item
            outcome = "answered"
        except LockgateError as error:
            outcome = error.code
            raise self._told(error, span)  # noqa: B904 - it says from what
        finally:
            seconds = perf_counter() - started
            self._over(sitting, call.spec.name, span, seconds, outcome)

    def _here(self) -> InHostPlugin:
        seat = self._sitting.seat
        if not isinstance(seat, InHostPlugin):
            raise TypeError("only what sits in this process is asked on a loop")
        return seat

    def begin(self, call: Call) -> Wrapping | None:
        """Run the plugin's wrapper up to its ``yield``; None if it may not wrap.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        span, hook = Span(current.get()), f"wrap:{call.spec.name}"
        sitting = self._enter()
        started = perf_counter()
        try:
            wrapping = sitting.seat.begin(call)
        except LockgateError as error:
            seconds = perf_counter() - started
            self._over(sitting, hook, span, seconds, error.code)
            raise self._told(error, span)  # noqa: B904 - it says from what
        except BaseException:
            self._leave(sitting)
            raise
        if wrapping is None:
            self._leave(sitting)
            return None

        def over(seconds: float, outcome: str) -> None:
            self._over(sitting, hook, span, seconds, outcome)

        seconds = perf_counter() - started
        call.took(sitting.seat.identity.plugin, seconds)
        return _Staying(wrapping, seconds, over)

    def take(
        self,
        state: PluginState,
        seat: SealedPlugin | InHostPlugin,
        impls: Iterable[HookImpl],
    ) -> None:
        """Let `seat` take the berth; the one before closes after its last call."""
        with self._lock:
            old, self._sitting = self._sitting, _Sitting(seat)
            self.state, self.impls = state, tuple(impls)
            old.leaving = True
            idle = not old.calls
        if idle:
            old.seat.close()

    def leave(self) -> None:
        """Close the seat after its last call: the plugin is gone."""
        sitting = self._sitting
        with self._lock:
            sitting.leaving = True
            idle = not sitting.calls
        if idle:
            sitting.seat.close()

    def close(self) -> None:
        """Close the seat now; calls that are under way fail."""
        self._sitting.seat.close()

    def _enter(self) -> _Sitting:
        if self._fixed is not None:
            return self._fixed
        with self._lock:
            sitting = self._sitting
            sitting.calls += 1
        return sitting

    def _over(
        self, sitting: _Sitting, hook: str, span: Span, seconds: float, outcome: str
    ) -> None:
        """A call is over: count it, remember it, leave the seat."""
        who = sitting.seat.identity
        noted = (self._number(), time(), span, who, hook, seconds, outcome)
        self._remember(noted)
        self._new.append(noted)
        if len(self._new) > FOLD_CALLS:
            self._meter.fold()
        self._leave(sitting)

    def _leave(self, sitting: _Sitting) -> None:
        if sitting is self._fixed:
            return
        with self._lock:
            sitting.calls -= 1
            last = sitting.leaving and not sitting.calls
        if last:
            sitting.seat.close()

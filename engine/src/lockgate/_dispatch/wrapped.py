"""A call with wrappers around it: each begins, the others are asked, each ends.

The outermost begins first and ends last. What fails is dealt with by the hook's
policy, as with any plugin: under ``fail`` a wrapper's own failure becomes what the
next one outside sees; under ``skip`` and ``collect`` the outcome goes on as if the
wrapper had not been there, and the failure is told or raised at the end.

The rules are a generator (`around`) that says what is to be done next. Who drives it
does that on the calling thread, or from an event loop (`async_dispatch`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias, cast

from lockgate._call.answers import Answer, Answers, HookFailure
from lockgate._call.call import Call
from lockgate._call.down import fate
from lockgate._call.wrapping import Outcome
from lockgate.errors import BrokenPluginError, HostClosedError, LockgateError
from lockgate.grants import Identity

__all__ = ["Step", "Steps", "Wrapper", "Wrapping", "around", "run_wrapped"]

Step: TypeAlias = Callable[[], Any] | None
"""What is to be done next: a part of a wrapper, or (None) asking the plugins.

What it gives is sent back; what it raises is thrown back, whatever it is.
"""
Steps: TypeAlias = Generator[Step, Any, Answers[Any]]


class Wrapping(Protocol):
    """A wrapper that has begun."""

    def finish(self, call: Call, outcome: Outcome) -> Outcome:
        """Hand in the outcome; the same one if the wrapper leaves it as it is.

        Values that it leaves as they are come back as the very same objects.

        Raises:
            LockgateError: If the wrapper fails, naming its plugin.
        """
        ...

    def answer(self, value: object) -> Answer[Any]:
        """An answer that the wrapper gave itself."""
        ...

    def drop(self) -> None:
        """End it without an outcome."""
        ...


class Wrapper(Protocol):
    """A seat as far as wrapping goes."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    def begin(self, call: Call) -> Wrapping | None:
        """Run the wrapper up to its ``yield``; None if it may not wrap this hook.

        Raises:
            LockgateError: If it fails, naming its plugin.
        """
        ...


class _Around:
    """The wrappers of one call. Its methods yield what is to be done."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._begun: list[tuple[Identity, Wrapping]] = []
        self._items: list[Answer[Any]] = []
        self.failed: list[HookFailure] = []

    def run(
        self, wrappers: Sequence[Wrapper]
    ) -> Generator[Step, Any, tuple[Outcome, list[Answer[Any]]]]:
        """What the call comes to."""
        try:
            for seat in wrappers:
                yield from self._begin(seat)
            answers: Answers[Any] = yield None
            self._items = list(answers.items)
            outcome = Outcome(answers.values)
        except HostClosedError:
            raise
        except (LockgateError, ExceptionGroup) as error:
            outcome = Outcome(error=error)
        except BaseException:
            yield from self._drop()
            raise
        try:
            while self._begun:
                outcome = yield from self._finish(outcome)
        except BaseException:
            yield from self._drop()
            raise
        return outcome, self._items

    def _begin(self, seat: Wrapper) -> Generator[Step, Any, None]:
        who = seat.identity
        try:
            wrapping: Wrapping | None = yield partial(seat.begin, self._call)
        except HostClosedError:
            raise
        except BrokenPluginError as error:  # as if it were not there
            self._call.failed.append(HookFailure(who.plugin, who.version, error))
            return
        except LockgateError as error:
            self._call.asked.append(who.plugin)
            what = fate(self._call, error, named=False)
            if what == "raise":
                raise
            if what == "note":
                self.failed.append(HookFailure(who.plugin, who.version, error))
            return
        if wrapping is not None:
            self._call.asked.append(who.plugin)
            self._begun.append((who, wrapping))

    def _finish(self, outcome: Outcome) -> Generator[Step, Any, Outcome]:
        """End the innermost wrapper that has not ended."""
        who, wrapping = self._begun.pop()
        try:
            end = self._call.for_an_end()
            after: Outcome = yield partial(wrapping.finish, end, outcome)
        except HostClosedError:
            raise
        except LockgateError as error:
            if not self._call.fail_fast:
                self.failed.append(HookFailure(who.plugin, who.version, error))
                return outcome
            after = Outcome(error=error)
        if after is not outcome:
            self._items = [self._whose(value, wrapping) for value in after.values]
        return after

    def _whose(self, value: object, wrapping: Wrapping) -> Answer[Any]:
        """The answer that `value` came from, or a new one of the wrapper's."""
        for number, answer in enumerate(self._items):
            if answer.value is value:
                return self._items.pop(number)
        return self._call.completed(wrapping.answer(value))

    def _drop(self) -> Generator[Step, Any, None]:
        while self._begun:
            yield self._begun.pop()[1].drop


def run_wrapped(
    call: Call, wrappers: Sequence[Wrapper], inner: Callable[[], Answers[Any]]
) -> Answers[Any]:
    """Ask by `inner`, with `wrappers` around it, the first one outermost.

    Raises:
        LockgateError: As `inner` does, or for a wrapper that failed.
        ExceptionGroup: If plugins or wrappers failed and the policy is ``collect``.
    """
    steps = around(call, wrappers)
    try:
        step = next(steps)
        while True:
            try:
                done = inner() if step is None else step()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(done)
    except StopIteration as end:
        answers: Answers[Any] = end.value
        return answers


def around(call: Call, wrappers: Sequence[Wrapper]) -> Steps:
    """What is to be done of a call with `wrappers` around it, step by step.

    It raises what `run_wrapped` does.
    """
    taken = _Around(call)
    outcome, items = yield from taken.run(wrappers)
    own = [failure.error for failure in taken.failed]
    error = outcome.error
    if own and call.spec.failure == "collect":
        inside: Sequence[Exception] = ()
        if isinstance(error, ExceptionGroup):
            inside = cast("ExceptionGroup[Exception]", error).exceptions
        elif error is not None:
            inside = [error]
        message = f"the hook {call.spec.name!r} failed"
        raise ExceptionGroup(message, [*inside, *own])
    if error is not None:
        raise error
    failed = (*call.failed, *taken.failed)
    return Answers(call.spec.name, tuple(items), failed, tuple(call.asked))

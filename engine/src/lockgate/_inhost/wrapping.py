"""A wrapper of the trusted base that has begun, in the host's own process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, cast

from lockgate._call import wrapping
from lockgate._call.answers import Answer
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate._call.wrapping import Outcome
from lockgate._codec.misfit import Misfit

__all__ = ["InHostWrapping"]


class InHostWrapping:
    """What it returns is held to the spec like any answer."""

    def __init__(
        self,
        generator: Generator[None, object, object],
        blame: Blame,
        made: Callable[[object], Answer[object]],
    ) -> None:
        self._generator = generator
        self._blame = blame
        self._made = made

    def finish(self, call: Call, outcome: Outcome) -> Outcome:
        """Hand in the outcome; the same one if the wrapper leaves it as it is.

        Raises:
            LockgateError: If the wrapper fails.
        """
        spec = call.spec
        failures = cast(
            "list[Mapping[str, Any]]", wrapping.failures_told(outcome.error)
        )
        together = isinstance(outcome.error, ExceptionGroup)
        error = wrapping.raised_inside(spec, failures, together=together)
        given = wrapping.as_given(spec, outcome.values)
        try:
            as_it_was, value = wrapping.finish(self._generator, given, error)
        except (Exception, SystemExit) as raised:
            raise self._blame.raised_here(raised) from raised
        if as_it_was:
            return outcome
        try:
            taken = wrapping.as_taken(spec, value)
            left = list(outcome.values)
            values = tuple(_value(call, one, left) for one in taken)
        except Misfit as misfit:
            raise self._blame.misfit(misfit) from None
        return outcome.replaced(values)

    def answer(self, value: object) -> Answer[object]:
        """An answer that the wrapper gave itself."""
        return self._made(value)

    def drop(self) -> None:
        """End it without an outcome."""
        self._generator.close()


def _value(call: Call, value: object, left: list[object]) -> object:
    """The value that was handed in, or a new one, checked."""
    for number, known in enumerate(left):
        if known is value or known == value:
            return left.pop(number)
    return call.spec.answer.checked(value)

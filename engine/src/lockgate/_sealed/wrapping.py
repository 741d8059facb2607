"""A wrapper that has begun in a sealed worker, as the host holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from lockgate._call.answers import Answer
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate._call.wrapping import DROP, FINISH, Outcome, failures_told
from lockgate._codec.misfit import Misfit
from lockgate.errors import LockgateError
from lockgate.values import Data

if TYPE_CHECKING:
    from lockgate_sandbox import Reply

__all__ = ["Asked", "SealedWrapping"]

Asked = Callable[[Call, str, Mapping[str, Data]], "Reply"]
"""Sends one method to the worker that the wrapper began in."""


class SealedWrapping:
    """What goes out is plain data, what comes back is decoded by the spec's type.

    `token` is the worker's name for it, `made` makes an answer of a value.
    """

    def __init__(
        self,
        call: Call,
        blame: Blame,
        token: Data,
        ask: Asked,
        made: Callable[[object], Answer[object]],
    ) -> None:
        self._call = call
        self._blame = blame
        self._token = token
        self._ask = ask
        self._made = made

    def finish(self, call: Call, outcome: Outcome) -> Outcome:
        """Hand in the outcome; the same one if the wrapper leaves it as it is.

        Raises:
            LockgateError: If the wrapper fails, or its worker did.
        """
        spec = call.spec
        sent = [spec.answer.encode(value) for value in outcome.values]
        reply = self._ask(
            call,
            FINISH,
            {
                "token": self._token,
                "values": sent,
                "failures": failures_told(outcome.error),
                "together": isinstance(outcome.error, ExceptionGroup),
            },
        )
        if reply.value is None and outcome.error is not None:
            return outcome
        if not isinstance(reply.value, list):
            raise self._blame.misfit(Misfit("a list", found="none"))
        left = list(zip(sent, outcome.values, strict=True))
        try:
            values = tuple(self._value(call, raw, left) for raw in reply.value)
        except Misfit as misfit:
            raise self._blame.misfit(misfit) from None
        return outcome.replaced(values)

    def _value(
        self, call: Call, raw: object, left: list[tuple[Data, object]]
    ) -> object:
        """The value that was handed in as `raw`, or a new one."""
        for number, (data, value) in enumerate(left):
            if data == raw:
                del left[number]
                return value
        return call.spec.answer.decode(raw)

    def answer(self, value: object) -> Answer[object]:
        """An answer that the wrapper gave itself."""
        return self._made(value)

    def drop(self) -> None:
        """End it without an outcome; a worker that fails at it says so later."""
        with suppress(LockgateError):
            self._ask(self._call.for_an_end(), DROP, {"token": self._token})

"""A hook call whose plugins all sit in this process, with all done once that can be.

What is left for each call is what pluggy does, and what a host owes besides: arguments
checked and handed to each plugin anew, a span, a record, an answer held to its type.
The first failure leaves this way: `rest` goes on as any call does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from lockgate._answers import Answer, Answers, make_answers
from lockgate._call import Call, checked
from lockgate._codec import Misfit
from lockgate._trace import Span, current
from lockgate.errors import LockgateError
from lockgate.values import Data, Transformation

if TYPE_CHECKING:
    from lockgate._specs import Argument, HookSpec

__all__ = ["Direct", "QuickCall", "quick_call"]

Direct: TypeAlias = Callable[[Mapping[str, Data], Span | None], Answer[object] | None]
"""Asks one plugin: of the checked data, below a span."""

QuickCall: TypeAlias = Callable[[Mapping[str, object]], Answers[Any]]
"""Calls a hook with the caller's arguments."""


class _Rest(Protocol):
    def __call__(
        self, call: Call, number: int, error: LockgateError, items: list[Answer[Any]], /
    ) -> Answers[Any]:
        """Go on with a call of which the plugin `number` has failed."""
        ...


def quick_call(
    spec: HookSpec, names: tuple[str, ...], asks: Sequence[Direct], rest: _Rest
) -> QuickCall:
    """What calls the hook `spec` of the plugins `names`, asked by `asks`."""
    hook, first, many = spec.name, spec.options.firstresult, len(asks) > 1
    check = _quick_check(spec)
    numbered = tuple(enumerate(asks))

    def call(arguments: Mapping[str, object]) -> Answers[Any]:
        data = check(arguments)
        above = current.get()
        if above is None and many:
            above = Span()  # so that they are of one trace
        items: list[Answer[Any]] = []
        for number, ask in numbered:
            try:
                answer = ask(data, above)
            except LockgateError as error:
                return rest(Call.of(spec, arguments), number, error, items)
            if answer is None:
                continue
            if type(answer.value) is Transformation:
                answer = Call.of(spec, arguments).completed(answer)
            items.append(answer)
            if first:
                return make_answers(hook, tuple(items), (), names[: number + 1])
        return make_answers(hook, tuple(items), (), names)

    return call


def _quick_check(
    spec: HookSpec,
) -> Callable[[Mapping[str, object]], Mapping[str, Data]]:
    """`checked`, with its last word where anything is left out or wrong."""
    codecs = [(argument.name, argument.codec) for argument in spec.arguments]
    # Where both directions are one, that is all that `canonical` does.
    takes = tuple(
        (name, one.encode if one.encode is one.decode else one.canonical)
        for name, one in codecs
    )
    if any(_takes_none(argument) for argument in spec.arguments):
        return lambda arguments: checked(spec, arguments)
    count = len(takes)

    def check(arguments: Mapping[str, object]) -> Mapping[str, Data]:
        if len(arguments) == count:
            try:
                return {name: canonical(arguments[name]) for name, canonical in takes}
            except (KeyError, Misfit):
                pass
        return checked(spec, arguments)

    return check


def _takes_none(argument: Argument) -> bool:
    """Whether None is data of its type; for a hook it means a missing argument."""
    try:
        argument.codec.canonical(None)
    except Misfit:
        return False
    return True

"""A hook call whose plugins all sit in this process, with all done once that can be.

What is left for each call is what pluggy does, and what a host owes besides: arguments
checked and handed to each plugin anew, a span, a record, an answer held to its type.
It is written down as Python source, one plugin after the other, so that nothing is
looked up and nothing called that is not needed. That source is made of positions,
fixed text and the names of the spec's arguments. Those of an added hook are a
plugin's words, so `_source` takes none that could be more than a name. The first
failure leaves this way: `rest` goes on as any call does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from keyword import iskeyword
from textwrap import indent
from time import monotonic, perf_counter, time
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from lockgate._call.answers import Answer, AnswerMade, Answers, AnswersMade
from lockgate._call.call import Call, checked
from lockgate._codec.misfit import Misfit
from lockgate._guest.awaiting import awaited_here, is_awaited
from lockgate._record.meter import FOLD_CALLS, Meter
from lockgate._record.trace import Span, current
from lockgate.errors import LockgateError
from lockgate.values import Document, Transformation

if TYPE_CHECKING:
    from lockgate._record.journal import Journal
    from lockgate._specs.spec import Argument, HookSpec
    from lockgate.grants import Identity

__all__ = ["Direct", "DirectImpl", "QuickCall", "quick_call"]

PLUGINS_MAXIMUM = 64
"""More than this are asked by the ordinary loop: the source would get long."""

_PLAIN = frozenset({type(None), bool, int, float, str, bytes, tuple, list, dict})
"""What no impl has to be awaited for; of other types it is looked up."""

QuickCall: TypeAlias = Callable[[Mapping[str, object]], Answers[Any]]
"""Calls a hook with the caller's arguments."""


@dataclass(frozen=True, slots=True)
class DirectImpl:
    """A plugin's function in this process, and what it owes to the spec.

    `takes` names its arguments, and how each is made of the call's data (None: it is
    handed over as it is); `check` holds an answer to its type. `blamed` gives the error
    of what the function raised, when its time `until` (monotonic) was over or before;
    without `until`, of what `check` raised.
    """

    impl: Callable[..., object]
    takes: tuple[tuple[str, Callable[[object], Any] | None], ...]
    check: Callable[[object], object]
    blamed: Callable[[BaseException, float | None], LockgateError]
    posture: Document


@dataclass(frozen=True, slots=True)
class Direct:
    """A plugin that is asked in this process, and where its calls are written down.

    `failed` writes a failed one down, and gives its error.
    """

    who: Identity
    what: DirectImpl
    journal: Journal
    meter: Meter
    failed: Callable[[BaseException, float | None, Span, float], LockgateError]


class _Rest(Protocol):
    def __call__(
        self, call: Call, number: int, error: LockgateError, items: list[Answer[Any]], /
    ) -> Answers[Any]:
        """Go on with a call of which the plugin `number` has failed."""
        ...


def quick_call(spec: HookSpec, plugins: Sequence[Direct], rest: _Rest) -> QuickCall:
    """What calls the hook `spec` of `plugins`."""
    arguments = tuple(argument.name for argument in spec.arguments)
    names = tuple(one.who.plugin for one in plugins)
    takes = tuple(
        tuple(
            (arguments.index(name), name, made is None) for name, made in p.what.takes
        )
        for p in plugins
    )
    strict = any(_takes_none(argument) for argument in spec.arguments)
    source = _source(arguments, takes, spec.options.firstresult, strict)

    def whole(given: Mapping[str, object]) -> tuple[object, ...]:
        """The data, with `checked`'s last word where anything is left out or wrong."""
        data = checked(spec, given)
        return tuple(data[name] for name in arguments)

    def failed(
        given: Mapping[str, object],
        number: int,
        error: LockgateError,
        before: Sequence[Answer[Any] | None],
    ) -> Answers[Any]:
        items = [answer for answer in before if answer is not None]
        return rest(Call.of(spec, given), number, error, items)

    def completed(given: Mapping[str, object], answer: Answer[Any]) -> Answer[Any]:
        return Call.of(spec, given).completed(answer)

    # Where both directions are one, that is all that `canonical` does.
    codecs = [a.codec for a in spec.arguments]
    takers = [c.encode if c.encode is c.decode else c.canonical for c in codecs]
    made: QuickCall = _maker(source)(
        spec.name, names, takers, plugins, whole, failed, completed,
        spec.options.timeout_seconds,
    )  # fmt: skip
    return made


_MAKE = """\
def make(hook, names, takers, plugins, whole, rest, completed, seconds):
{setup}
    def call(arguments):
{taken}
        above = present()
{asked}
        answers = new(AnswersMade)
        answers.hook = hook
        answers.items = {items}
        answers.failed = ()
        answers.asked = names
        answers.__class__ = Answers
        return answers
    return call
"""

_SETUP = """\
one = plugins[{i}]
who{i}, failed{i} = one.who, one.failed
impl{i}, check{i} = one.what.impl, one.what.check
name{i}, version{i}, posture{i} = one.who.plugin, one.who.version, one.what.posture
number{i}, note{i} = one.journal.number, one.journal.note
new{i}, fold{i} = one.meter.new, one.meter.fold
count{i} = new{i}.append
made{i} = [made for _, made in one.what.takes]
"""

_ASK = """\
span = new(Span)
span._above = above
token = enter(span)
until, started = never, clock()
try:
    value = impl{i}({given})
    if type(value) not in plain and is_awaited(value):
        until = now() + seconds
        value = awaited_here(value, seconds)
except BaseException as error:
    leave(token)
    return rest(arguments, {i}, failed{i}(error, until, span, started), {before})
answer{i} = None
outcome = 'none'
if value is not None:
    try:
        value = check{i}(value)
    except BaseException as error:
        leave(token)
        return rest(arguments, {i}, failed{i}(error, None, span, started), {before})
    outcome = 'answered'
    answer{i} = new(AnswerMade)
    answer{i}.value = value
    answer{i}.plugin = name{i}
    answer{i}.version = version{i}
    answer{i}.tier = 'system'
    answer{i}.seconds = took = clock() - started
    answer{i}.posture = posture{i}
    answer{i}.denials = ()
    answer{i}.output = ''
    answer{i}.__class__ = Answer
else:
    took = clock() - started
leave(token)
noted = (number{i}(), time(), span, who{i}, hook, took, outcome)
note{i}(noted)
count{i}(noted)
if len(new{i}) > fold_calls:
    fold{i}()
if type(value) is Transformation:
    answer{i} = completed(arguments, answer{i})
"""

_FIRST = """\
if answer{i} is not None:
    answers = new(AnswersMade)
    answers.hook = hook
    answers.items = (answer{i},)
    answers.failed = ()
    answers.asked = names[:{next}]
    answers.__class__ = Answers
    return answers
"""

_Takes: TypeAlias = tuple[tuple[int, str, bool], ...]
"""The arguments of an impl: position in the spec, name, and whether as it is."""


def _source(
    arguments: tuple[str, ...], takes: tuple[_Takes, ...], first: bool, strict: bool
) -> str:
    if not all(map(_is_name, arguments)):
        raise ValueError(f"no names of arguments: {arguments!r}")
    setup = [f"taker{i} = takers[{i}]\n" for i in range(len(arguments))]
    asked: list[str] = []
    if len(takes) > 1:  # so that they are of one trace
        asked.append("if above is None:\n    above = Span()\n")
    for i, taken in enumerate(takes):
        given = ", ".join(
            f"{name}=data{at}" if as_it_is else f"{name}=made{i}_{n}(data{at})"
            for n, (at, name, as_it_is) in enumerate(taken)
        )
        setup.append(_SETUP.format(i=i))
        setup += [f"made{i}_{n} = made{i}[{n}]\n" for n in range(len(taken))]
        before = "".join(f"answer{n}, " for n in range(i))
        asked.append(_ASK.format(i=i, given=given, before=f"({before})"))
        if first:
            asked.append(_FIRST.format(i=i, next=i + 1))
    found = [f"answer{i}" for i in range(len(takes))]
    return _MAKE.format(
        setup=indent("".join(setup), " " * 4),
        taken=indent(_taken(arguments, strict), " " * 8),
        asked=indent("".join(asked), " " * 8),
        items="()" if first else _present(found),
    )


def _is_name(word: str) -> bool:
    return word.isidentifier() and word.isascii() and not iskeyword(word)


def _present(found: Sequence[str]) -> str:
    """Those of the answers that there are, as a tuple."""
    every = "".join(f"{name}, " for name in found)
    none = " or ".join(f"{name} is None" for name in found)
    left = f"tuple([one for one in ({every}) if one is not None])"
    return f"{left} if {none} else ({every})"


def _taken(arguments: Sequence[str], strict: bool) -> str:
    """The call's arguments as plain data: the common case, else `whole`."""
    targets = "".join(f"data{i}, " for i in range(len(arguments)))
    whole = f"({targets}) = whole(arguments)\n"
    if strict:
        return whole
    if not arguments:
        return "if arguments:\n    whole(arguments)\n"
    lines = [f"data{i} = taker{i}(arguments[{n!r}])" for i, n in enumerate(arguments)]
    inner = indent("\n".join(lines), " " * 8)
    return (
        f"if len(arguments) == {len(arguments)}:\n    try:\n{inner}\n"
        f"    except (KeyError, Misfit):\n        {whole}"
        f"else:\n    {whole}"
    )


_SPACE: Mapping[str, object] = {
    "Answer": Answer,
    "AnswerMade": AnswerMade,
    "Answers": Answers,
    "AnswersMade": AnswersMade,
    "Misfit": Misfit,
    "Span": Span,
    "Transformation": Transformation,
    "awaited_here": awaited_here,
    "clock": perf_counter,
    "enter": current.set,
    "fold_calls": FOLD_CALLS,
    "is_awaited": is_awaited,
    "leave": current.reset,
    "never": float("inf"),
    "new": object.__new__,
    "now": monotonic,
    "plain": _PLAIN,
    "present": current.get,
    "time": time,
}


@lru_cache(maxsize=256)
def _maker(source: str) -> Callable[..., QuickCall]:
    space = dict(_SPACE)
    # The source is ours, word for word: see the module's docstring.
    exec(compile(source, "<lockgate.in_process>", "exec"), space)  # noqa: S102
    made: Any = space["make"]
    return made  # type: ignore[no-any-return]


def _takes_none(argument: Argument) -> bool:
    """Whether None is data of its type; for a hook it means a missing argument."""
    try:
        argument.codec.canonical(None)
    except Misfit:
        return False
    return True

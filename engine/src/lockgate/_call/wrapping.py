"""A wrapper: code around the plugins that answer a hook, written as in pluggy.

::

    @hookimpl(wrapper=True)
    def complete(task):
        started = time.monotonic()
        result = yield          # the others are asked here
        return result

What the others came to is an `Outcome`. It is sent into the generator, or thrown
into it where they failed; what the generator returns, or raises, takes its place.
Runs in the host for the trusted base and in the worker for everybody else, so:
standard library only.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, cast

from lockgate._codec.convert import codec
from lockgate._codec.misfit import Misfit
from lockgate._specs.spec import HookSpec
from lockgate.errors import InputRefusedError, LockgateError
from lockgate.plugin import HookFailedError
from lockgate.values import Data, Reason

__all__ = [
    "BEGIN",
    "DROP",
    "FINISH",
    "METHODS",
    "Outcome",
    "WrapperMisuseError",
    "as_given",
    "as_taken",
    "begin",
    "failures_told",
    "finish",
    "raised_inside",
]

# What a worker with wrappers is asked. Names with a colon: no hook has one.
BEGIN, FINISH, DROP = "wrap:begin", "wrap:finish", "wrap:drop"
METHODS = frozenset({BEGIN, FINISH, DROP})

_REASONS = codec(tuple[Reason, ...])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What asking came to: the values in order, or what was raised instead.

    Of a hook that takes the first answer there is one value, or none.
    """

    values: tuple[object, ...] = ()
    error: Exception | None = None

    def replaced(self, values: tuple[object, ...]) -> Outcome:
        """The outcome with `values`; this very one if they are its own, in order."""
        same = len(values) == len(self.values) and all(map(is_, values, self.values))
        return self if same and self.error is None else Outcome(values)


class WrapperMisuseError(Exception):
    """A wrapper that is no generator, or does not yield exactly once."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def begin(made: object) -> Generator[None, object, object]:
    """Run a wrapper up to its ``yield``; `made` is what calling it gave.

    Raises:
        WrapperMisuseError: If it is no generator or returns before.
    """
    if not hasattr(made, "send") or not hasattr(made, "throw"):
        message = "a wrapper is a plain generator function: it holds one `yield`"
        raise WrapperMisuseError(message, "wrapper-no-generator")
    generator = cast("Generator[None, object, object]", made)
    try:
        next(generator)
    except StopIteration:
        message = "the wrapper returned without a `yield`: the others were not asked"
        raise WrapperMisuseError(message, "wrapper-no-yield") from None
    return generator


def finish(
    generator: Generator[None, object, object], value: object, error: Exception | None
) -> tuple[bool, object]:
    """Hand the outcome in; whether the failure goes on as it was, and the new value.

    Raises:
        WrapperMisuseError: If it yields again; it is closed then.
        Exception: What the wrapper raises of its own.
    """
    try:
        if error is None:
            generator.send(value)
        else:
            generator.throw(error)
    except StopIteration as end:
        return False, end.value
    except Exception as raised:
        if raised is error:
            return True, None
        raise
    generator.close()
    message = "the wrapper yielded a second time"
    raise WrapperMisuseError(message, "wrapper-second-yield")


def as_given(spec: HookSpec, values: Sequence[object]) -> object:
    """The values as a wrapper receives them."""
    if spec.firstresult:
        return values[0] if values else None
    return list(values)


def as_taken(spec: HookSpec, value: object) -> tuple[object, ...]:
    """What a wrapper returned, as values again; they are not checked.

    Raises:
        Misfit: If there have to be several and it is no list or tuple.
    """
    if spec.firstresult:
        return () if value is None else (value,)
    if not isinstance(value, list | tuple):
        kind = type(value).__name__
        raise Misfit("a list of answers, as the wrapper received it", found=kind)
    return tuple(cast("Iterable[Any]", value))


def failures_told(error: Exception | None) -> list[Data]:
    """The failures in `error`, as plain data: what a wrapper may know of them."""
    inside: Sequence[Exception] = ()
    if isinstance(error, ExceptionGroup):
        inside = cast("ExceptionGroup[Exception]", error).exceptions
    elif error is not None:
        inside = [error]
    return [_told(one) for one in inside if isinstance(one, LockgateError)]


def _told(error: LockgateError) -> Data:
    reasons = error.reasons if isinstance(error, InputRefusedError) else ()
    return {
        "message": error.message,
        "code": error.code,
        "plugin": str(error.fields.get("plugin") or ""),
        "version": str(error.fields.get("version") or ""),
        "reasons": _REASONS.encode(tuple(reasons)),
    }


def raised_inside(
    spec: HookSpec, failures: Iterable[Mapping[str, Any]], *, together: bool
) -> Exception | None:
    """What is thrown into a wrapper: one failure, or all of them as a group."""
    raised: list[Exception] = [
        HookFailedError(
            told["message"],
            plugin=told["plugin"],
            hook=spec.name,
            code=told["code"],
            version=told["version"],
            reasons=_REASONS.decode(told["reasons"]),
        )
        for told in failures
    ]
    if together:
        return ExceptionGroup(f"the hook {spec.name!r} failed", raised)
    return raised[0] if raised else None

"""One hook call on its way: what is asked, how long it may take, what failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from math import isnan
from typing import Any, cast

from lockgate._call.answers import Answer, HookFailure
from lockgate._call.diff import tree_diff
from lockgate._codec.misfit import Misfit
from lockgate._specs.spec import Argument, HookSpec
from lockgate.errors import ArgumentError, did_you_mean
from lockgate.values import Data, Transformation, Tree

__all__ = ["Call", "Cancellation", "checked"]

_NEVER = float("inf")

END_SECONDS = 1.0
"""What a wrapper has to clean up when the call's own time is over."""


class Cancellation:
    """Lets another thread end a call: kills whatever it waits for."""

    __slots__ = ("_kill", "cancelled")

    # One for all: it is held for an assignment, and every call would make one.
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._kill: Callable[[], None] | None = None
        self.cancelled = False

    def watch(self, kill: Callable[[], None] | None) -> None:
        """`kill` ends what the call waits for now (None: nothing).

        If the call was cancelled meanwhile, `kill` is called at once.
        """
        with self._lock:
            self._kill = kill
            now = self.cancelled
        if now and kill is not None:
            kill()

    def cancel(self) -> None:
        """End the call."""
        with self._lock:
            self.cancelled = True
            kill = self._kill
        if kill is not None:
            kill()


@dataclass(slots=True)
class Call:
    """A call of `spec` with checked arguments, as plain data and as values.

    `seconds` is what each plugin may take; `deadline` (monotonic) ends the call
    as a whole where the caller gave a time. `fail_fast`: the first failure is
    raised, instead of being noted in `failed`. `given` is what the caller gave,
    `data` the plain data that it was checked to stand for.
    """

    spec: HookSpec
    given: Mapping[str, object]
    data: Mapping[str, Data]
    seconds: float
    deadline: float
    fail_fast: bool
    cancellation: Cancellation | None = None
    failed: list[HookFailure] = field(default_factory=list[HookFailure])
    asked: list[str] = field(default_factory=list[str])
    position: int | None = None
    """Its place in the history, if it is a part of it."""
    spent: dict[str, float] | None = None
    """Of a call with an end: the seconds that each plugin has taken of it so far."""

    @classmethod
    def of(
        cls,
        spec: HookSpec,
        arguments: Mapping[str, object],
        *,
        timeout: float | None = None,
        fail_fast: bool | None = None,
        cancellation: Cancellation | None = None,
        outer: Call | None = None,
    ) -> Call:
        """Check `arguments` against the spec.

        An argument may be given as a value of its type or as plain data. A call
        that is made inside `outer` ends with it.

        Raises:
            ArgumentError: If one is missing, unknown or of the wrong type.
        """
        if spec.own_timeout:
            own_timeout = arguments.get("timeout")
            # The hook has an argument of this name (seconds that it waits for a
            # device): it is passed on, and the call may last that much longer.
            extra = own_timeout if isinstance(own_timeout, (int, float)) else 0.0
            timeout = spec.timeout_seconds + extra
        if timeout is not None and isnan(timeout):
            message = "it is no number of seconds"
            raise ArgumentError(message, argument="timeout", hook=spec.name)
        data = checked(spec, arguments)
        options = spec.options
        seconds = options.timeout_seconds if timeout is None else timeout
        deadline = _NEVER if timeout is None else time.monotonic() + timeout
        if outer is not None:
            deadline = min(deadline, outer.deadline)
            cancellation = cancellation or outer.cancellation
        fast = options.failure == "fail" if fail_fast is None else fail_fast
        return cls(spec, arguments, data, seconds, deadline, fast, cancellation)

    def value(self, name: str) -> Any:
        """One argument as a value: the caller's own, if it gave one."""
        given = self.given.get(name)
        if is_dataclass(given):  # it was encoded, so it is a value of the type
            return given
        (argument,) = (one for one in self.spec.arguments if one.name == name)
        return argument.codec.decode(self.data[name])

    def completed(self, answer: Answer[Any]) -> Answer[Any]:
        """The answer, with what the host itself has to say in it."""
        value: object = answer.value
        if not isinstance(value, Transformation):
            return answer
        diff = tree_diff(cast(Tree, self.value("tree")), value.tree)
        if diff == value.diff:
            return answer
        return replace(answer, value=replace(value, diff=diff))

    def like(self, past: Call) -> Call:
        """`past` once more, in the time of this call."""
        deadline, cancellation = self.deadline, self.cancellation
        return replace(past, deadline=deadline, cancellation=cancellation)

    def begun(self) -> Call:
        """This call for one plugin that begins now: its time ends, and is known to."""
        until = time.monotonic() + self.seconds
        if self.deadline <= until:
            return self
        # `dataclasses.replace` takes ten times as long, and many calls come here.
        return Call(
            self.spec,
            self.given,
            self.data,
            self.seconds,
            until,
            self.fail_fast,
            self.cancellation,
            self.failed,
            self.asked,
            self.position,
        )

    def for_an_end(self) -> Call:
        """This call for what must still be told its end: a moment is always left."""
        latest = time.monotonic() + END_SECONDS
        cancelled = self.cancellation is not None and self.cancellation.cancelled
        if self.deadline >= latest and not cancelled:
            return self
        return replace(self, deadline=latest, cancellation=None)

    def took(self, plugin: str, seconds: float) -> None:
        """Note what `plugin` took of the time that the whole call has."""
        if self.deadline == _NEVER:
            return
        self.spent = self.spent or {}
        self.spent[plugin] = self.spent.get(plugin, 0.0) + seconds

    def who_took_it(self, plugin: str) -> str:
        """Who left `plugin` less time than they had themselves, in words; or ``""``."""
        others = {name: s for name, s in (self.spent or {}).items() if name != plugin}
        slowest = max(others, key=others.__getitem__, default="")
        if not slowest or self.seconds - sum(others.values()) >= others[slowest]:
            return ""
        return f"{slowest} took {others[slowest]:.2f} of them"

    def seconds_left(self) -> float:
        """How long the next plugin may take; not above 0 if time is up."""
        return min(self.seconds, self.deadline - time.monotonic())


def checked(spec: HookSpec, given: Mapping[str, object]) -> dict[str, Data]:
    """The plain data that the arguments of a call stand for.

    Raises:
        ArgumentError: If one is missing, unknown or of the wrong type.
    """
    data: dict[str, Data] = {}
    taken = 0
    for argument in spec.arguments:
        name = argument.name
        if name in given:
            taken += 1
            value = given[name]
        else:
            value = argument.default
        if value is None:
            message = f"the argument is missing ({argument.annotation})"
            raise _unfit(spec, given, argument, message)
        try:
            data[name] = argument.codec.canonical(value)
        except Misfit as error:
            raise _unfit(spec, given, argument, str(error), error.where) from None
    if taken != len(given):
        _check_names(spec, given)
    return data


def _unfit(
    spec: HookSpec,
    given: Mapping[str, object],
    argument: Argument,
    message: str,
    where: str = "",
) -> ArgumentError:
    """The error for one argument; a name that the hook does not know comes first."""
    _check_names(spec, given)
    hint = "" if where else _how_to_give(argument.name, argument.annotation)
    return ArgumentError(message, argument=argument.name, hook=spec.name, hint=hint)


def _check_names(spec: HookSpec, given: Mapping[str, object]) -> None:
    names = [argument.name for argument in spec.arguments]
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or f"It takes: {', '.join(names) or '-'}."
            message = f"the hook takes no argument {name!r}"
            raise ArgumentError(message, argument=name, hook=spec.name, hint=hint)


def _how_to_give(name: str, annotation: str) -> str:
    """How a large argument is given; "" where it is plain to see."""
    if annotation == "Tree":
        return (
            f"In a shell: {name}=@FOLDER/. In Python: {name}=Tree.of({{path: text}})."
        )
    if annotation == "Document":
        return f"In a shell: {name}=@FILE.yaml, or JSON. In Python: a dict."
    return ""

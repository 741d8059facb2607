"""One hook call on its way: what is asked, how long it may take, what failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockgate._answers import HookFailure
from lockgate._codec import Misfit
from lockgate._specs import HookSpec
from lockgate.errors import ArgumentError, did_you_mean
from lockgate.values import Data

__all__ = ["Call", "Cancellation"]


class Cancellation:
    """Lets another thread end a call: kills whatever it waits for."""

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
    raised, instead of being noted in `failed`.
    """

    spec: HookSpec
    data: Mapping[str, Data]
    seconds: float
    deadline: float
    fail_fast: bool
    cancellation: Cancellation = field(default_factory=Cancellation)
    failed: list[HookFailure] = field(default_factory=list[HookFailure])
    asked: list[str] = field(default_factory=list[str])

    @classmethod
    def of(
        cls,
        spec: HookSpec,
        arguments: Mapping[str, object],
        *,
        timeout: float | None = None,
        fail_fast: bool | None = None,
        cancellation: Cancellation | None = None,
    ) -> Call:
        """Check `arguments` against the spec.

        An argument may be given as a value of its type or as plain data.

        Raises:
            ArgumentError: If one is missing, unknown or of the wrong type.
        """
        given = dict(arguments)
        if spec.own_timeout:
            own_timeout = given.get("timeout")
            # The hook has an argument of this name (seconds that it waits for a
            # device): it is passed on, and the call may last that much longer.
            extra = own_timeout if isinstance(own_timeout, (int, float)) else 0.0
            timeout = spec.timeout_seconds + extra
        data = _checked(spec, given)
        seconds = spec.timeout_seconds if timeout is None else timeout
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        fast = spec.failure == "fail" if fail_fast is None else fail_fast
        return cls(spec, data, seconds, deadline, fast, cancellation or Cancellation())

    def values(self) -> dict[str, Any]:
        """The arguments as values, for an impl inside the host."""
        return {
            argument.name: argument.codec.decode(self.data[argument.name])
            for argument in self.spec.arguments
        }

    def seconds_left(self) -> float:
        """How long the next plugin may take; not above 0 if time is up."""
        return min(self.seconds, self.deadline - time.monotonic())


def _checked(spec: HookSpec, given: Mapping[str, object]) -> dict[str, Data]:
    names = [argument.name for argument in spec.arguments]
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or f"It takes: {', '.join(names) or '-'}."
            message = f"the hook takes no argument {name!r}"
            raise ArgumentError(message, argument=name, hook=spec.name, hint=hint)
    data: dict[str, Data] = {}
    for argument in spec.arguments:
        value = given.get(argument.name, argument.default)
        if value is None:
            message = f"the argument is missing ({argument.annotation})"
            raise ArgumentError(
                message,
                argument=argument.name,
                hook=spec.name,
                hint=_how_to_give(argument.name, argument.annotation),
            )
        try:
            data[argument.name] = argument.codec.canonical(value)
        except Misfit as error:
            raise ArgumentError(
                str(error),
                argument=argument.name,
                hook=spec.name,
                hint=""
                if error.where
                else _how_to_give(argument.name, argument.annotation),
            ) from None
    return data


def _how_to_give(name: str, annotation: str) -> str:
    """How a large argument is given; "" where it is plain to see."""
    if annotation == "Tree":
        return (
            f"In a shell: {name}=@FOLDER/. In Python: {name}=Tree.of({{path: text}})."
        )
    if annotation == "Document":
        return f"In a shell: {name}=@FILE.yaml, or JSON. In Python: a dict."
    return ""

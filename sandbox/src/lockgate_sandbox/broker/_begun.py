"""What a worker began at its broker and has not come back for: it ends with the worker.

A number is kept only while something may still run by it, so that a worker that lives
long and asks often costs the host no more than one that asks once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias, cast

from lockgate_sandbox.errors import ClosedError, Data

__all__ = ["KEPT", "Begun", "Callback"]

Callback: TypeAlias = Callable[[dict[str, Data]], object]

KEPT = 256
"""Numbers that are kept before it is looked which are over: some times as many as may
be open at once."""


class Begun:
    """What one worker began by one callback. Thread-safe.

    `give_up` ends what a number stands for, `holds` says whether there is anything.
    """

    def __init__(
        self, give_up: Callable[[int], None], holds: Callable[[int], bool]
    ) -> None:
        self._give_up = give_up
        self._holds = holds
        self._lock = threading.Lock()
        self._numbers: list[int] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._numbers)

    def noting(self, begin: Callback) -> Callback:
        """`begin`, with what it begins noted."""

        def beginning(arguments: dict[str, Data]) -> object:
            told = begin(arguments)
            self._note(_number(told))
            return told

        return beginning

    def _note(self, number: int) -> None:
        with self._lock:
            if len(self._numbers) >= KEPT:
                self._numbers = [one for one in self._numbers if self._holds(one)]
            if not self._ended:
                self._numbers.append(number)
                return
        self._give_up(number)
        raise ClosedError("the worker that asks has ended")

    def end(self) -> None:
        """Give up what is there, and what a callback under way begins from now on."""
        with self._lock:
            self._ended = True
            numbers, self._numbers = self._numbers, []
        for number in numbers:
            self._give_up(number)


def _number(told: object) -> int:
    """What is told of something that has begun: its number, perhaps among others."""
    return cast("int", told["id"] if isinstance(told, dict) else told)

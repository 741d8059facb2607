"""The latest calls of a host: who was asked what, by whom, how it ended."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lockgate._record.lifecycle import utc_text
from lockgate._record.trace import Span

if TYPE_CHECKING:
    from lockgate.grants import Identity
    from lockgate.values import Data

__all__ = ["CallRecord", "Journal", "Noted"]

JOURNAL_LIMIT_CALLS = 2048


class CallRecord(NamedTuple):
    """One plugin asked once. `at` is the end, in seconds since 1970.

    `outcome` is ``answered``, ``none`` (it had no answer), ``closed`` (its reader
    stopped reading a stream), or an error's code.
    """

    number: int
    at: float
    span: Span
    plugin: str
    version: str
    hook: str
    seconds: float
    outcome: str

    def to_dict(self) -> dict[str, Data]:
        """The record as plain data."""
        parent = f"{self.span.parent:016x}" if self.span.parent else ""
        return {
            "number": self.number,
            "at": utc_text(self.at),
            "trace": self.span.trace_id,
            "span": self.span.span_id,
            "parent": parent,
            "plugin": self.plugin,
            "version": self.version,
            "hook": self.hook,
            "seconds": self.seconds,
            "outcome": self.outcome,
        }


Noted: TypeAlias = tuple[int, float, Span, "Identity", str, float, str]
"""A call that is over, as `CallRecord`, cheaply made: number, end, span, who, hook,
seconds, outcome."""


class Journal:
    """Remembers the latest calls. Writing is thread-safe and takes no lock.

    Who writes takes the `number` of a call, makes the tuple, and calls `note` with
    it: bare functions of the interpreter, since every call pays for them.
    """

    def __init__(self) -> None:
        self._calls: deque[Noted] = deque(maxlen=JOURNAL_LIMIT_CALLS)
        self.number: Callable[[], int] = itertools.count(1).__next__
        self.note: Callable[[Noted], None] = self._calls.append

    def after(self, number: int = 0) -> tuple[CallRecord, ...]:
        """The records whose number is above `number`, as they came."""
        # `copy` is one step of the interpreter; iterating the deque itself is not.
        return tuple(
            CallRecord(mark, at, span, who.plugin, who.version, hook, seconds, outcome)
            for mark, at, span, who, hook, seconds, outcome in self._calls.copy()
            if mark > number
        )

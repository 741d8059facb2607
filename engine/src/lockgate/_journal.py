"""The latest calls of a host: who was asked what, by whom, how it ended."""

from __future__ import annotations

import itertools
from collections import deque
from time import time
from typing import TYPE_CHECKING, NamedTuple

from lockgate._lifecycle import utc_text
from lockgate._trace import Span

if TYPE_CHECKING:
    from lockgate.values import Data

__all__ = ["CallRecord", "Journal"]

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


class Journal:
    """Remembers the latest calls. Writing is thread-safe and takes no lock."""

    def __init__(self) -> None:
        self._next = itertools.count(1).__next__
        self._calls: deque[CallRecord] = deque(maxlen=JOURNAL_LIMIT_CALLS)

    def note(
        self,
        span: Span,
        plugin: str,
        version: str,
        hook: str,
        seconds: float,
        outcome: str,
    ) -> None:
        """One more call is over."""
        record = CallRecord(
            self._next(), time(), span, plugin, version, hook, seconds, outcome
        )
        self._calls.append(record)

    def after(self, number: int = 0) -> tuple[CallRecord, ...]:
        """The records whose number is above `number`, as they came."""
        # `copy` is one step of the interpreter; iterating the deque itself is not.
        return tuple(one for one in self._calls.copy() if one.number > number)

"""Which call belongs to which: trace ids in the form of W3C's Trace Context.

A span is one plugin asked for one hook; the spans of calls that it makes meanwhile
are its children. The present span is in a context variable, so that log lines, audit
records and errors can tell it. Form and rules of ``traceparent``:
https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random

from lockgate.errors import UsageError

__all__ = ["Span", "current", "current_trace_id", "parse_traceparent", "tracing"]

SAMPLED = 1

# Our own: an embedder that seeds the common generator must not repeat our ids.
_random = Random()  # noqa: S311 - unique, not secret
os.register_at_fork(after_in_child=_random.seed)
_bits = _random.getrandbits
_making = threading.Lock()
"""Held while ids are made up: two threads must not see two of one span."""


class Span:
    """A place in a trace, below another one or at its root.

    Its ids are made up when somebody asks for them: most calls nobody asks about.
    """

    __slots__ = ("_above", "_flags", "_number", "_trace")

    # Every call makes one: what nobody may ever ask for is not even set.
    _flags: int
    _number: int
    _trace: int

    def __init__(self, above: Span | None = None) -> None:
        self._above = above

    @classmethod
    def known(cls, trace: int, number: int, flags: int) -> Span:
        """A span that somebody else made."""
        span = cls()
        span._trace, span._number, span._flags = trace, number, flags
        return span

    @property
    def flags(self) -> int:
        """The trace's flags: whether it is sampled."""
        if self._above is not None:
            return self._above.flags
        return getattr(self, "_flags", SAMPLED)

    @property
    def trace(self) -> int:
        """The trace's number: the same for all spans of it."""
        if self._above is not None:
            return self._above.trace
        if not hasattr(self, "_trace"):
            with _making:
                self._trace = getattr(self, "_trace", 0) or _bits(128) or 1
        return self._trace

    @property
    def number(self) -> int:
        """The span's own number."""
        if not hasattr(self, "_number"):
            with _making:
                self._number = getattr(self, "_number", 0) or _bits(64) or 1
        return self._number

    @property
    def parent(self) -> int:
        """The number of the span above, 0 at the root."""
        return self._above.number if self._above is not None else 0

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 hexadecimal digits."""
        return f"{self.trace:032x}"

    @property
    def span_id(self) -> str:
        """Its own id: 16 hexadecimal digits."""
        return f"{self.number:016x}"

    @property
    def traceparent(self) -> str:
        """What tells another program that it is called from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


current: ContextVar[Span | None] = ContextVar("lockgate_span", default=None)
"""The present span; None outside of any call."""


def current_trace_id() -> str:
    """The id of the present trace, or the empty string."""
    span = current.get()
    return span.trace_id if span is not None else ""


_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def parse_traceparent(text: str) -> Span:
    """The span that a ``traceparent`` names.

    Raises:
        UsageError: If it is none.
    """
    match = _FORM.fullmatch(text)
    version = match.group(1) if match else "ff"
    if match is None or version == "ff" or (version == "00" and match.group(5)):
        message = f"{text[:80]!r} is no traceparent"
        hint = "Its form is 00-TRACE-SPAN-FLAGS: 32, 16 and 2 hexadecimal digits."
        raise UsageError(message, hint=hint)
    trace, number = int(match.group(2), 16), int(match.group(3), 16)
    if not trace or not number:
        message = f"{text[:80]!r} names no trace: an id of zeros is invalid"
        raise UsageError(message)
    return Span.known(trace, number, int(match.group(4), 16) & SAMPLED)


@contextmanager
def tracing(traceparent: str = "") -> Generator[Span, None, None]:
    """Make the calls inside part of one trace: the caller's, or a new one.

    Gives the span that they are below, whose `traceparent` can be handed on.

    Raises:
        UsageError: If `traceparent` is not in W3C's form.
    """
    span = Span(parse_traceparent(traceparent) if traceparent else None)
    token = current.set(span)
    try:
        yield span
    finally:
        current.reset(token)

"""Which limit may be behind an end that tells of another one, or of none.

CPython may go round for ever where no number can be made (`_inside.reserve`), until a
limit of time ends it: then it had used up its memory as well. And a library that gets
no memory may print a line and end its process, as OpenBLAS does: no exception passes,
and nothing else tells of it. But whatever is printed is the foreign code's own word.
So either makes a hint of an error, and never its kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import MemoryLimitError

if TYPE_CHECKING:
    from lockgate_sandbox.errors import LimitError
    from lockgate_sandbox.tiers import Limits

__all__ = ["also_full", "suspicion"]

_WANTS_MEMORY = re.compile(
    r"(?i:out of memory|(?:not enough|insufficient) memory|memory exhausted"
    r"|memory allocation|(?:can ?not|can't|could not|unable to|failed to) allocate"
    r"|allocation failed|failed to map segment)"
    r"|MemoryError|bad_alloc|ENOMEM"
)
_WANTS_THREADS = "pthread_create failed"
"""OpenBLAS: a thread wants memory for its stack, so that either limit may be behind."""

_LOOKED_AT = 4_096
"""Characters at the end: what ends a process is printed last."""


def suspicion(said: str, limits: Limits) -> tuple[tuple[str, ...], str]:
    """Which limits may have ended a process that had `said` that, and the hint."""
    last = said[-_LOOKED_AT:]
    threads = _WANTS_THREADS in last
    if not threads and not _WANTS_MEMORY.search(last):
        return (), ""
    names = ("memory_bytes", "processes") if threads else ("memory_bytes",)
    lacks, has = "memory", f"{limits.memory_bytes:,} bytes"
    if threads:
        lacks += " or threads"
        has += f", {limits.processes} processes and threads"
    more = " or ".join(f"`{name}`" for name in names)
    said = f"likely for want of {lacks}, as it printed: it has {has}"
    return names, f"{said}; a policy with more {more}"


def also_full(error: LimitError) -> LimitError:
    """`error`, of a process that had used up its memory as well."""
    also = "its memory was used up as well, at some time"
    hint = f"{error.hint}; {also}: {MemoryLimitError.remedy}"
    told = type(error)(error.limit, error.used, error.unit, hint=hint)
    told.__cause__ = error.__cause__
    told.suspects = ("memory_bytes",)
    return told

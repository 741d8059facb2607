"""What the last output of a dead process makes one suspect.

A library that gets no memory may print a line and end its process, as OpenBLAS does:
no exception passes, and nothing else tells of it. But whatever is printed is the
foreign code's own word, so it makes a hint of an error and never its kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate_sandbox.tiers import Limits

__all__ = ["suspicion"]

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

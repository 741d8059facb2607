"""From the name of a limit to the error that says it was reached."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lockgate_sandbox._watch.tree import SIGHT_REMEDY
from lockgate_sandbox.errors import (
    DepthLimitError,
    DescriptorLimitError,
    DiskLimitError,
    FileSizeLimitError,
    InodeLimitError,
    LayerMissingError,
    LimitError,
    MemoryLimitError,
    MessageLimitError,
    ProcessLimitError,
)
from lockgate_sandbox.linux import rlimits

if TYPE_CHECKING:
    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.tiers import Limits

__all__ = ["claimed", "hidden", "reached", "too_large"]

_KINDS: dict[str, tuple[type[LimitError], str]] = {
    "memory_bytes": (MemoryLimitError, "bytes"),
    "processes": (ProcessLimitError, "processes and threads"),
    "open_files": (DescriptorLimitError, "open files"),
    "file_bytes": (FileSizeLimitError, "bytes a file"),
    "disk_bytes": (DiskLimitError, "bytes"),
    "inodes": (InodeLimitError, "files and folders"),
}
"""What the kernel refuses inside, by the name that `Limits` gives it."""


def reached(name: str, limits: Limits, *, claimed: bool = False) -> LimitError:
    """The error for the limit `name`, of which all is used."""
    kind, unit = _KINDS[name]
    values = asdict(limits)
    limit = rlimits.largest_file(values) if name == "file_bytes" else values[name]
    return kind(limit, limit, unit, claimed=claimed)


def claimed(
    name: object, limits: Limits, told: SandboxError | None = None
) -> LimitError | None:
    """The error for the limit `name` that a worker says it ran into.

    `told` is what is reported without the claim. None if there is
    no such limit to claim: nothing but the name is the worker's.
    """
    if not isinstance(name, str) or name not in _KINDS:
        return None
    error = reached(name, limits, claimed=True)
    error.__cause__ = told
    return error


def hidden() -> LayerMissingError:
    """The error for a process that nobody can measure, and so may not be."""
    why = "/proc hides a process of the worker (hidepid), so that nobody can measure it"
    return LayerMissingError("process-limit", why, hint=SIGHT_REMEDY)


def too_large(limit: int, used: int, unit: str, *, claimed: bool = False) -> LimitError:
    """The error for a frame beyond a cap: in bytes, nodes or levels."""
    kind = DepthLimitError if unit == "levels" else MessageLimitError
    return kind(limit, used, unit, claimed=claimed)

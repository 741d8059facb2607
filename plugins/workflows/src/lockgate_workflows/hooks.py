"""The hooks that a step may call, and their arguments, read from the hook specs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lockgate import hookspecs

__all__ = ["Hook", "known_hooks"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook as a caller sees it."""

    arguments: tuple[str, ...]
    timeout_seconds: float


@cache
def known_hooks() -> Mapping[str, Hook]:
    """Each hook by its name."""
    found: dict[str, Hook] = {}
    for kind in vars(hookspecs).values():
        if not inspect.isclass(kind) or kind.__module__ != hookspecs.__name__:
            continue
        for name, function in vars(kind).items():
            options = getattr(function, hookspecs.SPEC_ATTRIBUTE, None)
            if isinstance(options, hookspecs.HookOptions):
                taken = inspect.signature(function).parameters
                arguments = tuple(a for a in taken if a not in ("self", "context"))
                found[name] = Hook(arguments, options.timeout_seconds)
    return found

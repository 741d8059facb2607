"""The kinds that are built in, by name: to read the specs takes too long for a list.

A test holds them to `lockgate.hookspecs.Kind`.
"""

from __future__ import annotations

__all__ = ["ADAPTER", "BUILT_IN", "WITH_HOOKS"]

WITH_HOOKS = ("generator", "analyzer", "transformer", "hardware", "ai", "service")
"""Those that lockgate has hooks of."""

ADAPTER = "adapter"
"""What answers through another ecosystem's plugins, and has no hook of its own."""

BUILT_IN = frozenset((*WITH_HOOKS, ADAPTER))
"""Names that no plugin can give to a kind that it adds."""

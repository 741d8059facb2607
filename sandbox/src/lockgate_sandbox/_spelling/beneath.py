"""Whether a path is one of some places or below one, as text: nothing is looked up."""

# Runs in the worker: next to nothing is imported.

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_among"]


def is_among(path: str, places: Iterable[str]) -> bool:
    """Whether `path` is one of `places` or below one; all are absolute and plain."""
    # All that is there is below "/", which ends with what parts it from a name.
    return any(
        path == place or path.startswith(f"{place.rstrip('/')}/") for place in places
    )

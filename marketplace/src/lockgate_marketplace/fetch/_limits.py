"""How much, how long, how often: what a server may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FetchLimits"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Every bound of a fetch. Sizes are of decoded bytes."""

    page_bytes: int = 16 * _MIB
    """A project's page; the largest of the public index have 5 MB."""
    list_bytes: int = 64 * _MIB
    """The page of all names."""
    sidecar_bytes: int = 2 * _MIB
    """Metadata, provenance, manifest."""
    file_bytes: int = 1024 * _MIB
    """A wheel whose size the index does not say."""
    total_bytes: int = 4096 * _MIB
    """All that one command fetches: pages, sidecars and files together."""
    idle_seconds: float = 20
    """Between two pieces of an answer."""
    page_seconds: float = 60
    """For a page, all redirects and retries included."""
    file_seconds: float = 3600
    """For one attempt at a file."""
    slowest: int = 1024
    """Bytes a second, over each `slowest_seconds` of an answer."""
    slowest_seconds: float = 30
    redirects: int = 5
    attempts: int = 4
    backoff_seconds: float = 0.5
    """Before the second attempt; doubled each time."""
    retry_after_seconds: float = 30
    """The longest ``Retry-After`` that is waited for."""
    parallel: int = 6
    """Files that are downloaded at once."""
    cache_bytes: int = 256 * _MIB

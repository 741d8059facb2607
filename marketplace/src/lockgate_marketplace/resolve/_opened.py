"""The client that a verb uses: from the owner's settings, below the data folder."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lockgate_marketplace.fetch import Fetcher
from lockgate_marketplace.memory import Freshness, LocalMemory
from lockgate_marketplace.resolve._client import IndexClient
from lockgate_marketplace.sources import Settings, Sources

__all__ = ["open_client", "seen_below"]


def seen_below(data: Path) -> LocalMemory:
    """The memory of what indexes said, in the data folder."""
    return LocalMemory(data / "trust" / "seen")


@contextmanager
def open_client(
    settings: Settings, data: Path, freshness: Freshness | None = None
) -> Generator[IndexClient]:
    """A client by ``[plugins.marketplace]``; `data` is the engine's ``data-dir``.

    Raises:
        SourceError: If the settings of the indexes are unsound.
        FetchError: If the file with the credentials can't be read.
    """
    sources = Sources.from_settings(settings)
    memory = freshness or seen_below(data)
    cache = data / "cache" / "indexes"
    with Fetcher(cache, proxies=sources.proxies) as fetcher:
        yield IndexClient(sources, fetcher, memory)

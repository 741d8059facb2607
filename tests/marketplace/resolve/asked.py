"""A client of one index, and what a resolution says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.fetch import Credentials, Fetcher, FetchLimits
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Resolution, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from tests.support.indexes import LoopbackIndex

__all__ = ["NOW", "Client", "reasons", "refused", "versions"]

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Client:
    """A client of one index, as a program makes it."""

    def __init__(self, index: LoopbackIndex, folder: Path) -> None:
        self.index = index
        self.sources = Sources({"main": Index("main", index.url)})
        self.fetcher = Fetcher(
            folder / "cache",
            limits=FetchLimits(backoff_seconds=0.01),
            credentials=Credentials({}, {}),
        )
        self.memory = LocalMemory(folder / "seen", now=lambda: NOW)

    @property
    def pages(self) -> IndexClient:
        """A new one: as if the program were started anew."""
        return IndexClient(self.sources, self.fetcher, self.memory)

    def resolve(self, *wants: str, **policy: Any) -> Resolution:
        given: dict[str, Any] = {"now": NOW, **policy}
        return resolve(map(Want.parse, wants), self.pages, Policy.running(**given))


def refused(code: str) -> Any:
    def check(error: MarketplaceError) -> bool:
        return error.code == code

    return pytest.raises(MarketplaceError, check=check)


def versions(resolution: Resolution) -> dict[str, str]:
    return {one.name: one.version for one in resolution.pinned}


def reasons(resolution: Resolution, name: str) -> dict[str, str]:
    return {r.version: r.code for r in resolution.why(name).rejected}

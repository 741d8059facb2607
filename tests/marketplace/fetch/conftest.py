"""A server on loopback, and who fetches from it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from lockgate_marketplace.fetch import Fetcher
from tests.marketplace.fetch.fetched import NOBODY, QUICK
from tests.support.indexes import LoopbackIndex, loopback_index


@pytest.fixture
def server() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


@pytest.fixture
def fetcher(tmp_path: Path) -> Generator[Fetcher]:
    with Fetcher(tmp_path / "cache", limits=QUICK, credentials=NOBODY) as fetcher:
        yield fetcher

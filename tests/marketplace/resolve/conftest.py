"""An index on loopback, and a client that asks it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.marketplace.resolve.asked import Client
from tests.support.indexes import LoopbackIndex, loopback_index


@pytest.fixture
def index() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


@pytest.fixture
def client(index: LoopbackIndex, tmp_path: Path) -> Generator[Client]:
    client = Client(index, tmp_path)
    yield client
    client.fetcher.close()

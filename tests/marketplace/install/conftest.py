"""A user, and the index that they install from."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings."""
    with loopback_index() as index:
        home.indexes(main=index)
        yield index

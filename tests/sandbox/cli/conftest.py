"""Where a command is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a worker of another uid may read."""
    with open_folder() as made:
        yield made

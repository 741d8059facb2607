"""What the tests of the hundred plugins share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that any of the plugins makes where it is imported."""
    return tmp_path_factory.mktemp("marks") / "imported"

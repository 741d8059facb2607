"""A folder to install into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dists import SitePackages


@pytest.fixture
def site(tmp_path: Path) -> SitePackages:
    """An empty one."""
    return SitePackages(tmp_path / "site-packages")

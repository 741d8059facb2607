"""A home that nothing was installed in yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.market import Home, fresh_home


@pytest.fixture
def home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Home:
    return fresh_home(tmp_path, monkeypatch, capsys)

"""A home that nothing was installed in yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.market import Home


@pytest.fixture
def home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Home:
    for name in [name for name in os.environ if name.startswith("LOCKGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    # Half a second each; what it finds is `test_load`'s.
    monkeypatch.setenv("LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD", "off")
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    return Home(tmp_path, capsys)

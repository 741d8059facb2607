"""What `sync` builds upon is there until it is done, whoever collects meanwhile."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lockgate_marketplace.install.locked._changes import judge_locked
from lockgate_marketplace.store import Store
from tests.support.market import Home

pytestmark = pytest.mark.kernel


def collecting() -> subprocess.Popen[bytes]:
    """``lockgate gc`` beside this process."""
    command = [sys.executable, "-m", "lockgate", "gc", "--keep", "1", "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def ended(gc: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ends well within `seconds`."""
    try:
        return gc.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False


def test_gc_waits_for_a_sync(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.run("install", home.wheel("1.0"))[0] == 0
    assert home.run("lock")[0] == 0
    assert home.run("install", home.wheel("1.1"))[0] == 0
    gc: list[subprocess.Popen[bytes]] = []
    soon: list[bool] = []

    def judged(*about: Any) -> Any:
        gc.append(collecting())
        soon.append(ended(gc[-1], 20 if soon else 1.5))
        return judge_locked(*about)

    place = "lockgate_marketplace.install.locked.sync.judge_locked"
    monkeypatch.setattr(place, judged)

    assert home.json("sync", "--keep-rights")["status"] == 0
    assert soon == [False]
    assert ended(gc[-1], 20)
    assert home.json("verify")["status"] == 0
    assert home.answer() == "1.0"

    # A dry run holds nothing: there the same `gc` takes it away.
    home.run("install", home.wheel("1.1"))
    refused = home.json("sync", "--keep-rights", "--dry-run")
    assert soon == [False, True]
    assert refused["error"]["code"] == "store-wheel-missing"
    assert [one.name for one in Store(home.data).root.glob("staging/*")] == []

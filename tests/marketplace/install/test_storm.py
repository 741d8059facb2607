"""Many at once, and any of them killed at any time: what is there is always whole."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from lockgate.cli import main
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

VERSIONS = ("1.0", "1.1", "1.2")
COMMANDS = (
    ("install", "acme==1.0"),
    ("install", "acme==1.1"),
    ("install", "acme"),
    ("upgrade", "acme"),
    ("upgrade", "--all"),
    ("rollback",),
    ("rollback", "--list"),
    ("uninstall", "acme"),
    ("gc", "--keep", "1"),
    ("list",),
    ("list",),
)
TOLD = {
    "consent-needed": "meanwhile",
    "grants-invalid": "meanwhile",
    "store-no-generation": "before",
    "unknown-plugin": "no plugin named 'acme'",
}
"""What one of many may be told: another was quicker. By code, a word of the message."""


class Running:
    """A command in a process of its own, to be killed after `seconds` or never."""

    def __init__(self, words: tuple[str, ...], file: Path, seconds: float | None):
        self.words, self._file = words, file
        file.unlink(missing_ok=True)
        self.child = os.fork()
        if self.child == 0:
            self._run()
        self._ends = None if seconds is None else time.monotonic() + seconds

    def _run(self) -> None:
        status, told = 99, io.StringIO()
        try:
            with contextlib.redirect_stdout(told):
                status = main([*self.words, "--json"])
            self._file.write_text(told.getvalue())
        finally:
            os._exit(status)

    def ended(self) -> bool:
        """Kill it if it is time; whether it is over."""
        if self._ends is not None and time.monotonic() > self._ends:
            self._ends = None
            os.kill(self.child, signal.SIGKILL)
        child, status = os.waitpid(self.child, os.WNOHANG)
        self.status = os.waitstatus_to_exitcode(status)
        return child != 0

    def told(self) -> dict[str, Any]:
        """What it said: nothing if it was killed."""
        if self.status == -signal.SIGKILL:
            return {}
        assert self.status != 99, self.words
        return dict(json.loads(self._file.read_text()))


def storm(dice: random.Random, folder: Path) -> list[Running]:
    """Five commands at once, some of them killed; over when all are."""
    running = [
        Running(
            dice.choice(COMMANDS),
            folder / f"told-{number}",
            dice.uniform(0, 0.25) if dice.random() < 0.5 else None,
        )
        for number in range(5)
    ]
    left = list(running)
    while left:
        left = [one for one in left if not one.ended()]
        time.sleep(0.002)
    return running


@pytest.fixture
def index(home: Home) -> Any:
    with loopback_index() as served:
        served.add("needed", files={"needed/__init__.py": "x = 1\n"})
        for version in VERSIONS:
            offered(served, version=version, requires=("needed",))
        home.indexes(main=served)
        yield served


@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_killed_the_store_is_whole(
    home: Home, index: LoopbackIndex, seed: int
) -> None:
    del index
    dice = random.Random(seed)  # noqa: S311 - the same storm each time
    assert home.json("install", "acme==1.0")["installed"]
    killed = 0
    for _ in range(20):
        for one in storm(dice, home.root):
            killed += one.status == -signal.SIGKILL
            told = one.told()
            errors = [told.get("error")]
            if one.words[0] == "upgrade":
                errors += [row["error"] for row in told.get("plugins", ())]
            for error in filter(None, errors):
                word = TOLD.get(error["code"])
                assert word is not None, (one.words, error)
                assert word in error["message"], (one.words, error)
            if one.words == ("list",):
                _check_listed(told.get("plugins", ()))
        assert home.json("verify")["status"] == 0
        _check_listed(home.json("list")["plugins"])
    assert killed > 5

    assert home.json("install", "acme")["installed"]
    assert home.answer() == "1.2"
    home.run("gc", "--keep", "1")
    store = home.data / "store"
    assert len([*store.glob("wheels/*")]) == 2, "acme 1.2 and what it needs"
    assert not [*store.glob("staging/*")]
    assert not [*home.data.rglob(".*.new")]


def _check_listed(rows: Any) -> None:
    mine = [row for row in rows if row["distribution"] == "acme"]
    assert len(mine) <= 1
    for row in mine:
        assert row["state"] == "ok", row
        assert row["version"] in VERSIONS

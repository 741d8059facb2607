"""A checkout's own plugins: they stand in no installed plugin's way."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from lockgate.discovery import PluginState
from lockgate_marketplace.wheel import Surroundings
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered

pytestmark = pytest.mark.kernel


@pytest.fixture
def main(home: Home, monkeypatch: pytest.MonkeyPatch) -> Generator[LoopbackIndex]:
    """The one index; commands are run in a stranger's checkout."""
    folder = home.root / "checkout"
    (folder / "plugins").mkdir(parents=True)
    (folder / "lockgate.toml").write_text('plugin-folders = ["plugins"]\n')
    monkeypatch.chdir(folder)
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


def bring(*names: str) -> None:
    for name in names:
        Path("plugins", f"{name}.py").write_text(
            "from lockgate.plugin import hookimpl\n"
        )


def states(home: Home) -> dict[str, str]:
    rows = home.json("list")["plugins"]
    named = [row for row in rows if row["name"] in ("acme", "other")]
    return {row["distribution"]: row["state"] for row in named}


def test_its_files_hold_up_neither_an_upgrade_nor_an_installation(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    offered(main, "other")
    assert home.json("install", "acme")["installed"]
    bring("acme", "other")
    assert home.answer() == "1.0"
    offered(main, version="1.1")

    (row,) = home.json("upgrade", "acme")["plugins"]
    assert row["state"] == "upgraded", row
    assert home.answer() == "1.1"
    assert home.json("install", "other")["installed"]
    assert home.json("lock")["status"] == 0
    home.run("uninstall", "acme")
    assert states(home) == {"acme.py": "legacy", "other": "ok", "other.py": "duplicate"}
    assert home.json("sync")["status"] == 0
    assert states(home)["acme"] == "ok"


def test_they_would_if_their_names_counted(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(main)
    bring("acme")
    place = "lockgate_marketplace.install.named._from_index.surroundings"

    def named(present: Iterable[PluginState]) -> Surroundings:
        owners = {state.name: state.distribution for state in present}
        return Surroundings(plugins=owners)

    monkeypatch.setattr(place, named)

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "wheel-entry-point-owned"

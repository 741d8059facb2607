"""``lockgate upgrade``: newer releases, and those that ask for more than before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.installed import StoreFolder
from lockgate_marketplace.store import Store
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered

pytestmark = pytest.mark.kernel

ENV = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


def wants_more(index: LoopbackIndex, version: str, name: str = "acme") -> None:
    """Publish a release that asks to read a variable of the environment."""
    offered(index, name, version, tier="elevated", extra=ENV, code=USES)


def rights(home: Home) -> list[str]:
    found = json.loads(home.run("grants", "show", "acme", "--json")[1])
    return sorted(r["right"] for r in found["rights"] if r["state"] == "granted")


def only(found: dict[str, Any]) -> Any:
    (row,) = found["plugins"]
    return row


def listed(home: Home) -> Any:
    return next(p for p in home.json("list")["plugins"] if p["name"] == "acme")


def test_what_is_newer_takes_the_place_of_what_is_there(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    assert only(home.json("upgrade", "acme"))["state"] == "current"
    offered(main, version="1.1")

    tried = home.json("upgrade", "--all", "--dry-run")
    assert (only(tried)["state"], home.answer()) == ("possible", "1.0")
    found = home.json("upgrade", "acme")

    assert found["status"] == 0
    row = only(found)
    assert (row["state"], row["from"], row["to"], row["index"]) == (
        "upgraded",
        "1.0",
        "1.1",
        "main",
    )
    assert home.answer() == "1.1"
    assert Store(home.data).folder.read().reason == "upgrade acme 1.1"
    home.run("rollback")
    assert home.answer() == "1.0"


def test_a_release_that_asks_for_more_waits_until_its_owner_agrees(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    wants_more(main, "1.1")
    asks = ["env:LANG", "tier:elevated"]

    refused = home.json("upgrade", "acme")

    assert refused["status"] == 3
    row = only(refused)
    assert (row["state"], row["to"]) == ("staged", "1.1")
    assert (row["error"]["code"], row["error"]["asked"]) == (
        "consent-needed",
        asks,
    )
    assert home.answer() == "1.0"
    staged = only(home.json("outdated"))["staged"]
    assert (staged["version"], staged["asks"]) == ("1.1", asks)
    assert listed(home)["staged"]["version"] == "1.1"
    assert "1.1 is staged" in home.run("list")[1]
    assert "1.1 is staged" in home.run("outdated")[1]

    home.run("gc", "--keep", "1")
    done = home.json("upgrade", "acme", "--grant-all")

    row = only(done)
    assert (done["status"], row["state"], row["was-staged"]) == (0, "upgraded", "1.1")
    assert home.answer() == "1.1"
    assert "env:LANG" in rights(home)
    assert only(home.json("outdated"))["staged"] is None
    assert listed(home)["staged"] is None


def test_what_is_staged_costs_no_second_download_and_outlasts_gc(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    wants_more(main, "1.1")
    home.json("upgrade", "acme")
    before = home.files()
    assert len([name for name in before if name.startswith("wheels/")]) == 2

    home.run("gc", "--keep", "1")
    assert home.files() == before
    main.requests.clear()
    home.json("upgrade", "acme", "--grant-all")

    assert not [t for t in main.asked("acme-1.1") if t.endswith(".whl")]


@pytest.mark.parametrize("how", ["yanked", "replaced"])
def test_what_is_staged_is_judged_again_when_its_owner_agrees(
    how: str, home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    wants_more(main, "1.1")
    home.json("upgrade", "acme")
    if how == "yanked":
        main.file("acme", "1.1").row["yanked"] = "stolen key"
    else:
        main.file("acme", "1.1").row["hashes"] = {"sha256": "0" * 64}

    found = home.json("upgrade", "acme", "--grant-all")

    row = only(found)
    assert found["status"] == {"yanked": 1, "replaced": 3}[how]
    if how == "yanked":
        assert (row["state"], row["was-staged"]) == ("withdrawn", "1.1")
        assert only(home.json("outdated"))["staged"] is None
    else:
        assert row["error"]["code"] == "freshness-hash-changed"
    assert home.answer() == "1.0"
    assert rights(home) == []


def test_one_that_is_refused_stops_no_other(home: Home, main: LoopbackIndex) -> None:
    for name in ("acme", "beacon", "cedar"):
        offered(main, name)
    home.json("install", "acme", "beacon", "cedar")
    offered(main, version="1.1")
    wants_more(main, "1.1", "beacon")
    offered(main, "cedar", "1.1", code="import subprocess\n")

    found = home.json("upgrade", "--all")

    assert found["status"] == 3
    states = {row["name"]: row["state"] for row in found["plugins"]}
    assert states == {"acme": "upgraded", "beacon": "staged", "cedar": "failed"}
    entries = Store(home.data).folder.read().entries
    assert {e.distribution: e.version for e in entries} == {
        "acme": "1.1",
        "beacon": "1.0",
        "cedar": "1.0",
    }


def test_an_upgrade_comes_from_the_index_that_it_was_installed_from(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    with loopback_index() as other:
        offered(other, version="9.0")
        home.indexes(default="main", main=main, other=other)
        home.json("install", "acme")
        home.indexes(default="other", main=main, other=other)

        assert only(home.json("upgrade", "acme"))["state"] == "current"
        assert only(home.json("outdated"))["index"] == "main"
    assert home.answer() == "1.0"


def test_names_must_be_of_what_is_in_the_store(home: Home, main: LoopbackIndex) -> None:
    offered(main)
    home.json("install", "acme")

    assert home.json("upgrade")["error"]["code"] == "usage"
    assert home.json("upgrade", "acme", "--all")["error"]["code"] == "usage"
    unknown = home.json("upgrade", "acne")
    assert (unknown["status"], unknown["error"]["code"]) == (2, "unknown-plugin")
    elsewhere = home.json("upgrade", "marketplace")
    assert (elsewhere["status"], elsewhere["error"]["code"]) == (3, "not-in-store")
    wrong = home.json("upgrade", "acme", "--grant", "net:example.org")
    assert wrong["plugins"][0]["state"] == "current"


def test_a_file_that_asks_for_more_is_staged_too_and_uninstall_forgets_it(
    home: Home,
) -> None:
    home.run("install", home.wheel())
    newer = home.wheel("1.1", tier="elevated", extra=ENV, code=USES)
    refused = home.json("install", newer)
    assert (refused["status"], refused["error"]["code"]) == (3, "consent-needed")
    folder = StoreFolder(str(home.data))
    assert [one.index for one in folder.staged()] == [""]

    home.run("uninstall", "acme")

    assert folder.staged() == ()
    assert '"staged": {}' in Path(folder.staged_file).read_text()

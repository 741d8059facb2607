"""Upgrades without a command line: judged each alone, agreed to, in force together."""

from __future__ import annotations

import pytest

from lockgate.config import load_config
from lockgate.verb import installed
from lockgate_marketplace.consent import ConsentPolicy, Word
from lockgate_marketplace.install import Terms
from lockgate_marketplace.install.agreed import Case
from lockgate_marketplace.resolve import open_client
from lockgate_marketplace.store import Store
from lockgate_marketplace.upkeep import Outcome, Upgrades, agree_to, put_in_force
from tests.marketplace.upkeep.test_upgrade import wants_more
from tests.support.indexes import LoopbackIndex
from tests.support.market import Home, offered

pytestmark = pytest.mark.kernel


def nobody(case: Case) -> bool | None:
    del case
    return None


def silent(message: str, fraction: float | None) -> None:
    del message, fraction


def possible(home: Home) -> list[Outcome]:
    config = load_config()
    entries = Store(home.data).folder.read().entries
    upgrades = Upgrades(installed(config).plugins, Terms(config), ConsentPolicy())
    with open_client(config.for_plugin("marketplace"), home.data) as client:
        return list(upgrades.possible(entries, client, silent))


def test_each_stands_alone_and_what_is_agreed_to_comes_together(
    home: Home, main: LoopbackIndex
) -> None:
    for name in ("acme", "bolt", "cord"):
        offered(main, name)
        assert home.json("install", name)["status"] == 0
    offered(main, "acme", "1.1")
    wants_more(main, "1.1", "bolt")
    store = Store(home.data)

    found = possible(home)
    assert [one.state for one in found] == ["possible", "possible", "current"]
    agreed = agree_to(found, Word(), store, ask=nobody)
    number = put_in_force(agreed, load_config())

    assert [one.state for one in agreed] == ["upgraded", "staged", "current"]
    assert [one.exit_status for one in agreed] == [0, 3, 0]
    now = store.folder.read()
    assert now.number == number
    assert {e.distribution: e.version for e in now.entries} == {
        "acme": "1.1",
        "bolt": "1.0",
        "cord": "1.0",
    }


def test_what_was_set_aside_and_taken_back_is_put_back(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    assert home.json("install", "acme")["status"] == 0
    wants_more(main, "1.1")
    store = Store(home.data)
    agree_to(possible(home), Word(), store, ask=nobody)
    assert [one.entry.version for one in store.folder.staged()] == ["1.1"]
    main.file("acme", "1.1").row["yanked"] = "it was broken"

    agreed = agree_to(possible(home), Word(), store, ask=nobody)

    assert [(one.state, one.exit_status) for one in agreed] == [("withdrawn", 1)]
    assert list(store.folder.staged()) == []
    assert put_in_force(agreed, load_config()) == 0

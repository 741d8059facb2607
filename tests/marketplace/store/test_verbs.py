"""``lockgate rollback``, ``gc`` and ``verify``, as the command line runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_marketplace.store import Store
from tests.engine.cli.conftest import Shell
from tests.marketplace.store.conftest import install, judged

OLD = judged("acme", "1.0", manifest=True)
NEW = judged("acme", "2.0", manifest=True)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def store(shell: Shell) -> Store:
    return Store(shell.home / ".local" / "share" / "lockgate")


def test_where_nothing_was_installed_they_say_so(shell: Shell, store: Store) -> None:
    assert "Nothing was ever installed" in shell.run("rollback", "--list").out
    assert shell.run("rollback", "--list", "--json").json == {"generations": []}
    assert "Nothing was ever installed" in shell.run("gc").out
    assert shell.run("verify").status == 0
    refused = shell.run("rollback", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "store-no-generation"
    assert "generations" not in refused.json


def test_a_rollback_says_what_it_changed(shell: Shell, store: Store) -> None:
    install(store, OLD)
    install(store, NEW)

    listed = shell.run("rollback", "--list", "--json").json["generations"]
    done = shell.run("rollback", "--json")
    again = shell.run("rollback", "2")

    assert [(g["number"], g["in-force"]) for g in listed] == [(1, False), (2, True)]
    assert listed[1]["installed"] == {"acme": "2.0"}
    assert done.json == {
        "generation": 1,
        "former": 2,
        "changed": [{"distribution": "acme", "from": "2.0", "to": "1.0"}],
    }
    assert "acme 1.0 -> 2.0" in again.out
    assert "lockgate reload" in again.out
    assert shell.names()["acme"] == "ok"
    table = shell.run("rollback", "--list").out.splitlines()
    assert table[1].startswith("*  2")


def test_garbage_is_named_before_it_goes(shell: Shell, store: Store) -> None:
    install(store, OLD)
    install(store, NEW)

    dry = shell.run("gc", "--keep", "1", "--dry-run", "--json").json
    assert store.has(OLD.sha256)
    done = shell.run("gc", "--keep", "1")
    after = shell.run("gc", "--json").json

    assert (dry["kept"], dry["wheels"], dry["dry-run"]) == ([2], ["acme 1.0"], True)
    assert dry["bytes"] > 0
    assert "Removed 1 wheel, 1 generation" in done.out
    assert "acme 1.0" in done.out
    assert not store.has(OLD.sha256)
    assert (after["wheels"], after["bytes"]) == ([], 0)
    assert shell.run("gc", "--keep", "0").status == 2


def test_verify_finds_what_changed(shell: Shell, store: Store) -> None:
    install(store, NEW)
    assert "as it was written" in shell.run("verify").out
    manifest = store.get(NEW.sha256).site / "acme" / "lockgate.toml"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text() + "# more\n")
    manifest.chmod(0o444)

    found = shell.run("verify", "--json")
    text = shell.run("verify")

    assert found.status == text.status == 1
    (damage,) = found.json["damage"]
    assert "`lockgate install acme==2.0`" in damage["hint"]
    assert damage["where"] == str(manifest)
    assert damage["used"] is True
    assert "acme==2.0" in damage["hint"]
    assert str(manifest) in text.out


def test_a_store_that_others_may_write_is_not_even_looked_at(
    shell: Shell, store: Store
) -> None:
    install(store, NEW)
    store.root.chmod(0o777)

    for verb in ("rollback", "gc", "verify"):
        result = shell.run(verb, "--json")
        assert result.status == 1
        assert result.json["error"]["code"] == "installed-invalid"
        assert "chmod go-w" in result.json["error"]["hint"]


def test_the_way_out_of_one_wheel_is_told_once(shell: Shell, store: Store) -> None:
    install(store, NEW)
    site = store.get(NEW.sha256).site / "acme"
    for name in ("lockgate.toml", "__init__.py"):
        (site / name).chmod(0o644)

    told = shell.run("verify").out

    assert told.count("has the mode 644") == 2
    assert told.count("lockgate install acme==2.0") == 1


def test_a_rollback_to_the_same_says_that_nothing_differs(
    shell: Shell, store: Store
) -> None:
    install(store, OLD)
    install(store, NEW)
    shell.run("rollback")

    again = shell.run("rollback", "1")

    assert again.status == 0
    assert "nothing differs" in again.out
    assert "reload" not in again.out

"""``lockgate lock`` on one machine, ``lockgate sync`` on another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
from tests.engine.cli.conftest import Shell
from tests.marketplace.store.conftest import install
from tests.support.wheels import forge_file


class Machine:
    """A home of its own, and the folder of wheels that both know."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.shell = Shell(folder)
        self.store = Store(self.shell.home / ".local" / "share" / "lockgate")

    def held(self) -> dict[str, list[tuple[str, str]]]:
        entries = self.store.folder.read().entries
        return {e.distribution: [(w.name, w.sha256) for w in e.wheels] for e in entries}


@pytest.fixture
def one(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one")


@pytest.fixture
def two(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "two")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def lock(one: Machine, wheels: Path, tmp_path: Path) -> str:
    """The lock of a machine with two plugins, one with a dependency."""
    acme = forge_file(wheels, "acme", "1.0", manifest=True, requires=["dep"])
    dep = forge_file(wheels, "dep", "2.0")
    other = forge_file(wheels, "other", "1.0", manifest=True)
    for files in ([acme, dep], [other]):
        done = one.shell.run("install", *map(str, files), "--no-load")
        assert done.status == 0, done.err
    file = str(tmp_path / "lockgate.lock")
    assert one.shell.run("lock", "--file", file).status == 0
    return file


def test_another_machine_has_the_same_by_one_generation(
    one: Machine, two: Machine, wheels: Path, lock: str
) -> None:
    dry = two.shell.run("sync", "--file", lock, "--wheels", str(wheels), "--dry-run")
    assert dry.status == 0
    assert not (two.store.root / "current").exists()

    done = two.shell.run("sync", "--file", lock, "--wheels", str(wheels), "--json")
    again = two.shell.run("sync", "--file", lock, "--json")
    told = two.shell.run("sync", "--file", lock).out
    copy = str(Path(lock).with_name("copy.lock"))

    assert (done.json["generation"], done.json["same"]) == (1, True)
    assert (done.json["fetched"], done.json["differences"]) == ([], [])
    assert again.json == done.json, "all is there: no wheels, no new generation"
    assert "Nothing changed." in told
    assert two.held() == one.held()
    assert two.shell.names()["acme"] == "ok"
    assert two.shell.run("lock", "--file", copy).status == 0
    assert Path(copy).read_bytes() == Path(lock).read_bytes()
    assert two.shell.run("lock", "--file", lock, "--check").status == 0


def test_what_differs_is_told_and_left(two: Machine, wheels: Path, lock: str) -> None:
    surplus = forge_file(wheels, "surplus", "1.0", manifest=True)
    install(two.store, open_wheel(surplus))

    checked = two.shell.run("lock", "--file", lock, "--check", "--json")
    done = two.shell.run("sync", "--file", lock, "--wheels", str(wheels))

    assert checked.status == 1
    assert {d["distribution"] for d in checked.json["differences"]} == {
        "acme",
        "other",
        "surplus",
    }
    assert "surplus: 1.0 is installed and not locked" in done.out
    assert "installed acme 1.0\n" in done.out
    assert two.shell.names()["surplus"] == two.shell.names()["acme"] == "ok"


def test_a_wheel_that_is_missing_or_was_swapped_stops_all_of_it(
    two: Machine, wheels: Path, lock: str
) -> None:
    (path,) = wheels.glob("other-*.whl")
    forged = forge_file(
        wheels / "evil", "other", "1.0", manifest=True, requires=["more"]
    )
    shutil.move(forged, path)
    swapped = two.shell.run("sync", "--file", lock, "--wheels", str(wheels), "--json")
    path.unlink()
    missing = two.shell.run("sync", "--file", lock, "--wheels", str(wheels), "--json")

    assert swapped.status == missing.status == 3
    assert swapped.json["error"]["code"] == "lock-wheel-differs"
    assert missing.json["error"]["code"] == "lock-wheel-missing"
    assert not two.store.root.exists(), "nothing of the sound ones was kept either"


def test_a_pylock_is_printed_and_an_unknown_name_refused(
    one: Machine, lock: str
) -> None:
    del lock
    printed = one.shell.run("lock", "--pylock", "acme")
    unknown = one.shell.run("lock", "--pylock", "acmee", "--json")

    assert printed.out.startswith('lock-version = "1.0"')
    assert "dep-2.0-py3-none-any.whl" in printed.out
    assert unknown.status == 2
    assert "acme" in unknown.json["error"]["hint"]


def test_where_nothing_is_installed_the_lock_is_empty(
    two: Machine, tmp_path: Path
) -> None:
    file = str(tmp_path / "empty.lock")

    assert two.shell.run("lock", "--file", file, "--json").json["plugins"] == []
    assert two.shell.run("lock", "--file", file, "--check").status == 0
    absent = two.shell.run("sync", "--file", str(tmp_path / "no.lock"), "--json")
    assert absent.json["error"]["code"] == "lock-missing"


def alter(store: Store, sha256: str, package: str) -> Path:
    """Append to a stored file, as whoever may write there can; its mode stays."""
    path = store.get(sha256).site / package / "__init__.py"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"# more\n")
    path.chmod(0o444)
    return path


def test_an_altered_store_is_not_as_locked_until_it_is_replaced(
    one: Machine, wheels: Path, lock: str
) -> None:
    name, sha256 = one.held()["acme"][0]
    alter(one.store, sha256, name)
    assert one.shell.run("verify").status == 1

    alone = one.shell.run("sync", "--file", lock, "--json")
    given = one.shell.run("sync", "--file", lock, "--wheels", str(wheels))

    assert alone.status == 1, alone.err
    assert alone.json["error"]["code"] == "store-record"
    assert "acme 1.0 is altered in the store" in alone.json["error"]["message"]
    assert "lockgate verify" in alone.json["error"]["hint"]
    assert given.status == 0, given.err
    assert "installed acme 1.0 anew" in given.out
    assert one.shell.run("verify").status == 0
    assert one.shell.run("lock", "--file", lock, "--check").status == 0


def test_all_that_is_missing_is_named_with_where_it_was_looked_for(
    two: Machine, lock: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    folder = str(tmp_path / "empty")

    lacking = two.shell.run("sync", "--file", lock, "--wheels", folder)
    bare = two.shell.run("sync", "--file", lock)
    absent = two.shell.run("sync", "--file", lock, "--wheels", f"{folder}/no")

    said = f"acme 1.0, dep 2.0, other 1.0 are neither in the store nor in {folder}"
    assert said in lacking.err
    assert "nor given by --wheels" in bare.err
    assert (lacking.status, bare.status, absent.status) == (3, 3, 2)
    assert "there is no such folder" in absent.err

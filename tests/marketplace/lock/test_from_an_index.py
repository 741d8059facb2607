"""``lockgate sync`` where nothing is at hand: the wheels come from their index."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import WheelFile, sign
from lockgate_marketplace.store import Store
from tests.support.home import move_to
from tests.support.indexes import LoopbackIndex, Published, loopback_index
from tests.support.market import Home, beside, offered

pytestmark = pytest.mark.kernel


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings, with the cooldown that every index has."""
    with loopback_index() as index:
        home.indexes(main=f'url = "{index.url}"')
        yield index


def elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Another machine, whose owner has the same settings, and the lock of this one."""
    other = home.moved(home.root / "there")
    move_to(other.root, monkeypatch)
    settings = home.root / "CONFIG" / "lockgate" / "config.toml"
    place = other.root / "CONFIG" / "lockgate" / "config.toml"
    place.parent.mkdir(parents=True)
    place.write_bytes(settings.read_bytes())
    (other.root / "lockgate.lock").write_bytes(
        (home.root / "lockgate.lock").read_bytes()
    )
    return other


def signed(index: LoopbackIndex, published: Published, key: Ed25519PrivateKey) -> None:
    file = WheelFile(published.filename, published.sha256)
    beside(index, published, "signature", ".signature", sign(file, key))


def locked(home: Home, *names: str) -> None:
    """Install from the index, and write the lock."""
    assert home.json("install", *names)["status"] == 0
    assert home.json("lock")["status"] == 0


def refused(home: Home, *words: str) -> str:
    """The code; nothing is in force, and nothing is left in the store."""
    found = home.json("sync", *words)
    assert found["status"] == 3, found
    assert home.files() == set()
    return str(found["error"]["code"])


def test_a_lock_made_elsewhere_gives_the_same_generation(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    main.add("needed", "2.0", files={"needed/__init__.py": "VALUE = 5\n"})
    signed(main, offered(main, requires=("needed>=1",)), key)
    offered(main, "bolt")
    locked(home, "acme", "bolt")
    made = Store(home.data).folder.read()
    lock = (home.root / "lockgate.lock").read_bytes()
    offered(main, version="1.1")  # newer, and not what is locked
    there = elsewhere(home, monkeypatch)

    found = there.json("sync")

    assert (found["status"], found["same"]) == (0, True), found
    assert sorted(found["fetched"]) == [
        "acme-1.0-py3-none-any.whl",
        "bolt-1.0-py3-none-any.whl",
        "needed-2.0-py3-none-any.whl",
    ]
    assert Store(there.data).folder.read().entries == made.entries
    assert there.answer() == "1.0"
    assert there.json("lock")["status"] == 0
    assert (there.root / "lockgate.lock").read_bytes() == lock
    pins = {p["name"]: p["kind"] for p in there.json("trust")["publishers"]}
    assert pins["acme"] == "key"
    assert not list((there.data / "cache" / "incoming").glob("*/*"))
    before = len(main.requests)
    again = there.json("sync")
    assert (again["fetched"], again["generation"]) == ([], found["generation"])
    assert len(main.requests) == before, "what is in force is asked for nowhere"


def test_offline_and_what_came_from_a_file_ask_nobody(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = offered(main)
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)
    before = len(main.requests)

    told = there.json("sync", "--offline")["error"]
    wheels = there.root / "wheels"
    wheels.mkdir()
    (wheels / published.filename).write_bytes(published.content)
    found = there.json("sync", "--offline", "--wheels", str(wheels))

    assert told["code"] == "lock-wheel-missing"
    assert "--offline" in told["message"]
    assert (found["status"], found["same"], found["fetched"]) == (0, True, [])
    assert len(main.requests) == before


def test_an_index_that_the_owner_does_not_name_is_not_asked(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    main.add("needed", "2.0", files={"needed/__init__.py": ""})
    offered(main, requires=("needed>=1",))
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)
    before = len(main.requests)

    there.indexes(other='url = "https://127.0.0.1:1/simple/"')
    unnamed = there.json("sync")["error"]
    there.indexes(main=main, mine='url = "https://127.0.0.1:1/"\nprefixes = ["acme"]')
    assert refused(there) == "source-reserved"
    mine = 'url = "https://127.0.0.1:1/simple/"'
    both = {"main": f'url = "{main.url}"\ndependencies = "mine"', "mine": mine}
    there.indexes("main", **both)
    crossed = there.json("sync")["error"]

    assert unnamed["code"] == crossed["code"] == "lock-index"
    assert "[plugins.marketplace.indexes.main]" in unnamed["hint"]
    assert "what acme needs comes from mine" in crossed["message"]
    assert len(main.requests) == before
    there.indexes(main=main)
    assert there.json("sync")["same"]


def test_a_lock_has_no_word_in_which_index_a_bare_name_comes_from(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stranger's lock has a name of mine come from where anybody can take it."""
    with loopback_index() as public:
        offered(public)
        home.indexes(default="main", main=main, public=public)
        locked(home, "public/acme")
        there = elsewhere(home, monkeypatch)
        before = len(public.requests)

        confused = there.json("sync")
        there.indexes(main=main, public=public)
        unbound = there.json("sync")
        there.indexes("main", main=main, public=public)
        asked = len(public.requests)
        agreed = there.json("install", "public/acme")
        there.json("uninstall", "acme")
        there.json("gc", "--keep", "0")
        after = there.json("sync")

    for refused in (confused, unbound):
        assert (refused["status"], refused["error"]["code"]) == (3, "lock-index")
        assert "'prefixes'" in refused["error"]["hint"].replace("`", "'")
    assert "comes from main" in confused["error"]["message"]
    assert "comes from none of your indexes" in unbound["error"]["message"]
    assert asked == before, "nobody was asked for it"
    assert agreed["installed"]
    assert after["same"], "its owner has agreed that it comes from there"


def test_a_lock_has_no_word_in_which_index_needed_the_name(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes along comes from where the plugin came, not from where a lock says."""
    with loopback_index() as public:
        for index in (main, public):
            index.add("needed", "2.0", files={"needed/__init__.py": "VALUE = 5\n"})
        published = offered(main, requires=("needed>=1",))
        home.indexes(default="main", main=main, public=public)
        locked(home, "acme")
        there = elsewhere(home, monkeypatch)
        lock = there.root / "lockgate.lock"
        lock.write_text(lock.read_text().replace('"main"', '"public"'))
        wheels = there.root / "wheels"
        wheels.mkdir()
        (wheels / published.filename).write_bytes(published.content)
        before = len(public.requests)

        refused = there.json("sync", "--wheels", str(wheels))

    assert (refused["status"], refused["error"]["code"]) == (3, "lock-index")
    assert len(public.requests) == before
    assert there.files() == set()


def other_bytes(main: LoopbackIndex, old: Published) -> None:
    old.row["hashes"] = {"sha256": "0" * 64}


def swapped(main: LoopbackIndex, old: Published) -> None:
    main.served[f"/files/{old.filename}"] = old.content[:-1] + b"?"


def vanished(main: LoopbackIndex, old: Published) -> None:
    main.project("acme").files.remove(old)
    offered(main, version="1.1")


def quarantined(main: LoopbackIndex, old: Published) -> None:
    del old
    main.project("acme").status = {"status": "quarantined"}


def young(main: LoopbackIndex, old: Published) -> None:
    del main
    old.row["upload-time"] = datetime.now(UTC).isoformat()


def foreign(main: LoopbackIndex, old: Published) -> None:
    signed(main, old, Ed25519PrivateKey.generate())


def no_server(main: LoopbackIndex, old: Published) -> None:
    del old
    main.answers["/simple/acme/"] = lambda _: b"HTTP/1.1 500 Broken\r\n\r\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_bytes, "lock-wheel-differs"),
        (swapped, "fetch-hash"),
        (vanished, "lock-wheel-missing"),
        (quarantined, "page-quarantined"),
        (young, "resolve-no-candidate"),
        (foreign, "lock-identity"),
        (no_server, "fetch-status"),
    ],
)
def test_what_the_index_has_now_is_held_against_the_lock(
    home: Home,
    main: LoopbackIndex,
    monkeypatch: pytest.MonkeyPatch,
    change: Any,
    code: str,
) -> None:
    published = offered(main)
    signed(main, published, Ed25519PrivateKey.generate())
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)

    change(main, published)

    assert refused(there) == code


def test_the_past_of_the_index_counts_as_for_install(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = offered(main)
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)
    there.json("why", "acme")
    published.row["upload-time"] = datetime.now(UTC).isoformat()
    assert refused(there) == "resolve-no-candidate"
    published.row["yanked"] = "late"
    vanished(main, published)

    assert refused(there) == "freshness-version-vanished"

    there.json("trust", "accept", "main/acme")
    assert refused(there) == "lock-wheel-missing"


def test_a_name_like_anothers_and_a_young_file_want_a_word(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = offered(main, "requestz", uploaded=datetime.now(UTC))
    more = ("--no-cooldown", "--name-is-right")
    assert home.json("install", "requestz", *more)["status"] == 0
    home.json("lock")
    published.row["yanked"] = "it is slow"
    there = elsewhere(home, monkeypatch)

    assert refused(there) == "resolve-near-name"
    assert refused(there, more[1]) == "resolve-no-candidate"
    found = there.json("sync", *more)

    assert (found["status"], found["same"]) == (0, True)
    assert found["warnings"] == ["requestz 1.0: it was yanked: it is slow"]


def test_a_dry_run_and_a_refusal_leave_no_file(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(main)
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)

    tried = there.json("sync", "--dry-run")
    text = (there.root / "lockgate.lock").read_text()
    (there.root / "lockgate.lock").write_text(text.replace('["acme"]', '["other"]'))
    code = refused(there)

    assert tried["status"] == 0
    assert code == "contract-manifest"
    assert there.files() == set()
    assert not list((there.data / "cache" / "incoming").glob("*/*"))


@pytest.mark.parametrize("pinned", [True, False])
def test_what_an_index_without_hashes_gave_is_what_it_has_to_give_again(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch, *, pinned: bool
) -> None:
    published = offered(main)
    table = f'url = "{main.url}"\ncooldown-days = 0\nunhashed = true'
    published.row["hashes"] = {}
    home.indexes(main=table)
    locked(home, "acme")
    there = elsewhere(home, monkeypatch)
    assert there.json("sync")["status"] == 0
    assert there.json("uninstall", "acme")["status"] == 0
    if not pinned:  # with what sync remembers away, the swapped file comes in
        (folder,) = there.data.glob("**/main/acme.json")
        folder.unlink()

    main.project("acme").files.clear()
    other = offered(main, code="VALUE = 6\n")  # another file by the same name
    other.row["hashes"] = {}
    found = there.json("install", "acme")

    if not pinned:
        assert found["status"] == 0, found
        return
    assert (found["status"], found["error"]["code"]) == (3, "fetch-hash")

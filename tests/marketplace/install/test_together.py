"""A plugin beside the others: what it takes, and what others do while it comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.install import carry_out
from lockgate_marketplace.lock import lock_of, to_text
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
from tests.engine.rights.test_rightful import adding, with_noun
from tests.marketplace.install.test_install import RIGHTS
from tests.marketplace.store.conftest import install
from tests.support.dists import manifest_text
from tests.support.market import CODE, Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

USES = '''
"""Uses what it asks for."""
import os


def ask(context):
    """Ask."""
    os.environ["LANG"]
    return context.http_transport()
'''
HOW: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": USES}


def made(home: Home, name: str, manifest: str, plugin: str = "") -> str:
    files = {f"{name}/__init__.py": CODE.format(version="1.0"), f"{name}/go.yaml": ""}
    how: dict[str, Any] = {"manifest": manifest, "files": files}
    return str(forge_file(home.root, name, plugin=plugin or name, **how))


def states(home: Home) -> dict[str, str]:
    rows = home.json("list")["plugins"]
    names = ("zeta", "alpha", "acme", "evil")
    return {row["name"]: row["state"] for row in rows if row["distribution"] in names}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (adding("zeta"), adding("alpha")),
        (adding("zeta"), adding("alpha", "noise", "process_audio")),
        (with_noun("zeta", "loud"), with_noun("alpha", "loud")),
        (with_noun("zeta", "alpha"), with_noun("alpha", "alpha")),
    ],
    ids=["kind", "hook", "noun", "noun-of-its-name"],
)
@pytest.mark.parametrize("disabled", [False, True], ids=["in-use", "disabled"])
def test_what_another_has_is_not_to_be_had(
    home: Home, first: str, second: str, disabled: bool
) -> None:
    home.json("install", made(home, "zeta", first))
    if disabled:
        home.run("disable", "zeta")
    evil = made(home, "alpha", second)
    before = home.files()

    refused = home.json("install", evil)

    assert (refused["status"], refused["error"]["code"]) == (3, "contract-claimed")
    assert refused["error"]["owner"] == "zeta"
    assert home.files() == before
    # Put in all the same, it is the newcomer that is out of use.
    install(Store(home.data), open_wheel(Path(evil)))
    home.run("enable", "zeta")
    assert states(home) == {"zeta": "ok", "alpha": "conflict"}


def test_a_plugin_is_not_called_as_anothers_distribution(home: Home) -> None:
    lamp = forge_file(
        home.root,
        "acme",
        manifest=manifest_text("lamp", package="acme"),
        files={"acme/__init__.py": CODE.format(version="1.0")},
        plugin="lamp",
    )
    home.json("install", str(lamp))
    evil = made(home, "evil", manifest_text("acme", package="evil"), "acme")
    turned = made(home, "lamp", manifest_text("other", package="lamp"), "other")

    for wheel in (evil, turned):
        refused = home.json("install", wheel)
        assert refused["error"]["code"] == "contract-claimed"
        assert refused["error"]["owner"] == "acme"
    # With both there, one name means two plugins to whoever takes one away.
    install(Store(home.data), open_wheel(Path(evil)), plugins=("acme",))
    gone = home.json("uninstall", "acme")["uninstalled"]
    assert {one["distribution"] for one in gone} == {"acme", "evil"}


def test_a_first_party_noun_is_not_to_be_had(home: Home) -> None:
    rows = home.json("list")["plugins"]
    taken = next(row for row in rows if row["noun"] and row["state"] == "ok")

    noun = taken["noun"]
    wheel = made(home, "evil", with_noun("evil", noun))
    refused = home.json("install", wheel)

    assert refused["error"]["code"] == "contract-claimed"
    assert refused["error"]["owner"] == taken["distribution"]


@pytest.mark.parametrize("verb", ["install", "sync"])
def test_the_name_of_a_plugin_out_of_use_is_not_to_be_had(
    home: Home, verb: str
) -> None:
    home.json("install", home.wheel("1.0"))
    home.run("disable", "acme")
    evil = made(home, "evil", manifest_text("acme", package="evil"), "acme")

    words = ["install", evil]
    if verb == "sync":
        # A store that has it, as it had before the plugin came.
        Store(home.data).add(open_wheel(Path(evil)))
        _write_lock(home, Path(evil))
        words = ["sync"]
    refused = home.json(*words)

    assert (refused["status"], refused["error"]["code"]) == (
        3,
        "wheel-entry-point-owned",
    )
    home.run("enable", "acme")
    assert home.answer() == "1.0"


def _write_lock(home: Home, wheel: Path) -> None:
    store = Store(home.root / "other")
    install(store, open_wheel(wheel), plugins=("acme",))
    (home.root / "lockgate.lock").write_text(to_text(lock_of(store, {})))


class Meanwhile:
    """Does something in another process's place, between the question and the store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
        place = "lockgate_marketplace.install.agreed._carry.carry_out"

        def late(*args: Any, **how: Any) -> Any:
            monkeypatch.setattr(place, carry_out)
            do()
            return carry_out(*args, **how)

        monkeypatch.setattr(place, late)


def test_who_takes_the_name_meanwhile_has_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = made(home, "evil", manifest_text("acme", package="evil"), "acme")
    wheel = home.wheel("1.0", **HOW)
    store = Store(home.data)
    Meanwhile(
        monkeypatch, lambda: install(store, open_wheel(Path(evil)), plugins=("acme",))
    )

    refused = home.json("install", wheel, "--grant-all")

    assert refused["error"]["code"] == "contract-claimed"
    assert {e.distribution for e in store.folder.read().entries} == {"evil"}
    assert not (home.root / "CONFIG" / "lockgate" / "grants.toml").exists()

    # Without that look it is there, and its name is the other's.
    install(store, open_wheel(Path(wheel)))
    rows = home.json("list")["plugins"]
    found = {r["distribution"]: r["state"] for r in rows if r["name"] == "acme"}
    assert found == {"evil": "ok", "acme": "duplicate"}


def test_an_upgrade_meanwhile_is_not_undone_by_an_older_word(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.json("install", home.wheel("1.0", **HOW), "--grant-all")
    newest = home.wheel("3.0", **HOW)
    wheel = home.wheel("2.0", **HOW)
    Meanwhile(monkeypatch, lambda: home.run("install", newest))

    refused = home.json("install", wheel)

    assert refused["error"]["code"] == "consent-needed"
    assert "meanwhile" in refused["error"]["message"]
    assert home.answer() == "3.0"


def test_a_right_that_is_revoked_meanwhile_is_not_given_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.json("install", home.wheel("1.0", **HOW), "--grant-all")
    wheel = home.wheel("2.0", **HOW)
    Meanwhile(
        monkeypatch,
        lambda: home.run("grants", "revoke", "acme", "net:api.example.org"),
    )

    refused = home.json("install", wheel)

    assert refused["error"]["code"] == "grants-invalid"
    assert home.answer() == "1.0", "neither the release nor its rights are in force"
    rows = home.json("grants", "show", "acme")["rights"]
    granted = {row["right"] for row in rows if row["state"] == "granted"}
    assert granted == {"tier:elevated", "env:LANG"}


@pytest.mark.parametrize("first", [True, False], ids=["first-install", "upgrade"])
def test_what_cannot_be_granted_is_not_installed(
    home: Home, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    if not first:
        home.json("install", home.wheel("1.0", **HOW), "--grant-all")
    grants = home.root / "CONFIG" / "lockgate" / "grants.toml"
    before = grants.read_bytes() if grants.exists() else None
    wheel = home.wheel("2.0", **HOW)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    Meanwhile(
        monkeypatch,
        lambda: monkeypatch.setattr("lockgate._rights.file.replace_whole", full),
    )
    refused = home.json("install", wheel, "--grant-all")

    assert refused["status"] != 0
    assert "No space" in refused["error"]["message"]
    assert (grants.read_bytes() if grants.exists() else None) == before
    entries = Store(home.data).folder.read().entries
    assert [entry.version for entry in entries] == ([] if first else ["1.0"])


def test_an_unsound_grants_file_is_told_before_a_byte_is_kept(home: Home) -> None:
    grants = home.root / "CONFIG" / "lockgate" / "grants.toml"
    grants.parent.mkdir(parents=True, exist_ok=True)
    grants.write_text("schema = 'odd'\n")
    grants.chmod(0o600)

    refused = home.json("install", home.wheel(**HOW), "--grant-all")

    assert refused["status"] != 0
    assert "grants.toml" in refused["error"]["where"]
    assert home.files() == set()

"""What changes between one step of an installation and the next."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.install.locked import put_in_force
from lockgate_marketplace.store import Store
from tests.marketplace.install.test_install import RIGHTS
from tests.marketplace.install.test_together import HOW, Meanwhile
from tests.support.dists import SitePackages, manifest_text
from tests.support.market import Home

pytestmark = pytest.mark.kernel
KEY = f"ed25519:{b64encode(bytes(range(32))).decode()}"
SETTINGS = Path("CONFIG", "lockgate", "config.toml")


@pytest.mark.parametrize("how", ["written over", "put in its place", "taken away"])
def test_what_was_judged_is_installed_whatever_the_file_is_by_then(
    home: Home, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    evil = Path(home.wheel("1.0", code="import os\nos.system('id')\n"))
    bad = evil.rename(home.root / "bad")
    wheel = Path(home.wheel("1.0"))

    def exchange() -> None:
        if how == "written over":
            wheel.write_bytes(bad.read_bytes())
        elif how == "put in its place":
            bad.replace(wheel)
        else:
            wheel.unlink()

    Meanwhile(monkeypatch, exchange)
    found = home.json("install", str(wheel))

    assert found["installed"]
    (entry,) = Store(home.data).folder.read().entries
    assert [one.sha256 for one in entry.wheels] == [found["wheels"][0]["sha256"]]
    assert not [*home.data.rglob("more.py")], "no file of the other one"
    assert home.answer() == "1.0"
    assert home.json("verify")["status"] == 0
    if how == "written over":  # and asked again it is refused for what it is by now
        assert home.json("install", str(wheel))["error"]["code"] == (
            "scan-undeclared-right"
        )


@pytest.mark.parametrize("key", ["environments.acme", "disabled"])
def test_settings_that_change_after_the_consent_give_its_rights_to_nobody_else(
    home: Home, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """From then on another release has the name, or none."""
    text = manifest_text("acme", tier='"elevated"', extra=RIGHTS)
    SitePackages(home.root / "theirs").wheel("acme", version="6.6", manifest=text)
    values = {
        "environments.acme": f'["{home.root}/theirs"]',
        "disabled": '["acme"]',
    }

    def change() -> None:
        SETTINGS.parent.mkdir(parents=True, exist_ok=True)
        SETTINGS.write_text(f"{key} = {values[key]}\n")

    Meanwhile(monkeypatch, change)
    found = home.json("install", home.wheel("1.0", **HOW), "--grant-all")

    assert found["installed"]
    if key == "disabled":
        rows = home.json("list")["plugins"]
        assert [r["state"] for r in rows if r["name"] == "acme"] == ["disabled"]
    else:
        told = home.json("grants", "show", "acme")
        assert "granted" not in {row["state"] for row in told["rights"]}, told
    SETTINGS.unlink()
    told = home.json("grants", "show", "acme")
    assert {row["state"] for row in told["rights"]} == {"granted"}


@pytest.mark.parametrize("index", ["@files", "main"])
def test_a_name_that_is_pinned_after_the_question_stops_a_file_by_nobody(
    home: Home, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    """Nothing is remembered of such a file: its name is looked at again by itself."""
    home.indexes(main='url = "https://127.0.0.1:1/simple/"')
    pin = ("trust", "pin", "acme", "--index", index, "--key", KEY)
    Meanwhile(monkeypatch, lambda: home.run(*pin))

    refused = home.json("install", home.wheel("1.0"))

    assert refused["status"] == 3, refused
    assert refused["error"]["code"] == "identity-changed"
    assert "by now" in refused["error"]["message"]
    assert not Store(home.data).folder.read().entries
    (kept,) = home.json("trust")["publishers"]
    assert (kept["index"], kept["kind"]) == (index, "key")


def test_what_is_pinned_for_an_index_says_nothing_of_a_file_of_another(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.indexes(main='url = "https://127.0.0.1:1/simple/"')
    pin = ("trust", "pin", "acme", "--index", "@files", "--key", KEY)
    Meanwhile(monkeypatch, lambda: home.run(*pin))

    assert home.json("install", home.wheel("1.0"), "--index", "main")["installed"]


def test_a_name_that_is_pinned_after_the_judgement_stops_a_lock(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the wheel lies in the store, from which nothing is fetched."""
    home.json("install", home.wheel("1.0"))
    assert home.json("lock")["status"] == 0
    home.json("uninstall", "acme")
    place = "lockgate_marketplace.install.locked.sync.put_in_force"

    def late(*args: Any, **how: Any) -> int:
        home.run("trust", "pin", "acme", "--index", "@files", "--key", KEY)
        return put_in_force(*args, **how)

    monkeypatch.setattr(place, late)
    refused = home.json("sync")

    assert (refused["status"], refused["error"]["code"]) == (3, "identity-lost")
    assert not Store(home.data).folder.read().entries

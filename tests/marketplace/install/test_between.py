"""What changes between one step of an installation and the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_marketplace.store import Store
from tests.marketplace.install.test_install import RIGHTS
from tests.marketplace.install.test_together import HOW, Meanwhile
from tests.support.dists import SitePackages, manifest_text
from tests.support.market import Home

pytestmark = pytest.mark.kernel
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

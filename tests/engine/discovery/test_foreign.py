"""Plugins of foreign ecosystems, found by the groups that adapters name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate.discovery import Discovery, PluginState, discover, index_files
from lockgate.discovery._foreign import unnamed
from lockgate.errors import ManifestError
from lockgate.manifest import parse_manifest
from tests.support.dists import SitePackages, manifest_text

ADAPTER = """
[[adapters]]
ecosystem = "flake8"
groups = ["flake8.extension", "flake8.report"]
kinds = ["analyzer", "transformer"]
driver = "acme_bridge.drivers:adapt"

[[adapters]]
ecosystem = "babel"
groups = ["babel.extractors"]
kinds = ["transformer"]
driver = "acme_bridge.drivers:babel"
"""


def adapter(name: str = "acme-bridge", extra: str = ADAPTER) -> str:
    text = manifest_text(name, kinds='["adapter"]', extra=f"[hooks]\n{extra}")
    return text.replace("[hooks]\n", "", 1)


class Site(SitePackages):
    """A folder with an adapter, and whatever else a test puts there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "site")
        self.cache = str(root / "cache")
        self.wheel("acme-bridge", manifest=adapter())

    def foreign(self, name: str, points: str, version: str = "2.1") -> Path:
        return self.wheel(name, version=version, entry_points=points)

    def found(self, *bridges: str, disabled: Sequence[str] = ()) -> Discovery:
        return discover(
            [self.path], cache_dir=self.cache, bridges=bridges, disabled=disabled
        )

    def state(self, name: str, *bridges: str) -> PluginState:
        state = self.found(*(bridges or ("flake8",))).get(name)
        assert state is not None
        return state


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    points = "[flake8.extension]\nXX = lint_xx:Check\nXY = lint_xx:Other\n"
    made.foreign("lint-xx", f"{points}[console_scripts]\nx = lint_xx:main\n")
    return made


def test_a_distribution_is_one_plugin_of_its_ecosystem(site: Site) -> None:
    state = site.state("flake8.lint-xx")

    assert (state.state, state.usable) == ("foreign", True)
    assert state.kinds == ("analyzer", "transformer")
    assert state.tier == "read-only"
    assert state.manifest is None
    assert state.version == "2.1"
    assert state.driver == "acme_bridge.drivers:adapt"
    assert state.entries == (
        ("flake8.extension", "XX=lint_xx:Check"),
        ("flake8.extension", "XY=lint_xx:Other"),
    )
    assert "acme-bridge" in state.reason


def test_nothing_is_looked_for_without_the_owners_word(site: Site) -> None:
    before = site.found()

    assert before.names == ("acme-bridge",)
    assert len(index_files(site.cache)) == 1
    assert site.found("babel").names == ("acme-bridge", "babel.*")
    assert site.found("flake8").names == ("acme-bridge", "flake8.lint-xx")
    assert site.found().names == ("acme-bridge",)


def test_a_distribution_of_two_ecosystems_is_two_plugins(site: Site) -> None:
    points = "[flake8.report]\nr = both:R\n[babel.extractors]\nx = both:x\n"
    site.foreign("both", points)

    names = site.found("flake8", "babel").names

    assert {"flake8.both", "babel.both"} <= set(names)


def test_the_index_is_exact(site: Site) -> None:
    site.found("flake8")
    assert site.found("flake8").names == ("acme-bridge", "flake8.lint-xx")

    info = site.foreign("lint-yy", "[flake8.extension]\nYY = lint_yy:Check\n")
    assert "flake8.lint-yy" in site.found("flake8").names

    (info / "entry_points.txt").write_text("[flake8.extension]\nYZ = lint_yy:Check\n")
    assert site.state("flake8.lint-yy").entries == (
        ("flake8.extension", "YZ=lint_yy:Check"),
    )

    (info / "entry_points.txt").write_text("[console_scripts]\ny = lint_yy:main\n")
    assert "flake8.lint-yy" not in site.found("flake8").names


def test_another_driver_is_another_index(site: Site) -> None:
    site.found("flake8")
    text = adapter(extra=ADAPTER.replace("drivers:adapt", "drivers:other"))
    (site.folder / "acme_bridge" / "lockgate.toml").write_text(text)

    assert site.state("flake8.lint-xx").driver == "acme_bridge.drivers:other"


def test_a_disabled_adapter_drives_nothing(site: Site) -> None:
    found = site.found("flake8", disabled=["acme-bridge"]).get("flake8.lint-xx")

    assert found is not None
    assert found.state == "missing-requirement"


def test_a_foreign_plugin_can_be_disabled_alone(site: Site) -> None:
    found = site.found("flake8", disabled=["flake8.lint-xx"]).get("flake8.lint-xx")

    assert found is not None
    assert found.state == "disabled"


def test_an_ecosystem_that_nothing_adapts_is_told(site: Site) -> None:
    found = site.found("pylint", "flake8")

    (lacking,) = (state for state in found.plugins if state.state == "broken")
    assert lacking.name == "pylint.*"
    assert "no usable adapter for 'pylint'" in lacking.reason
    assert found.get("flake8.lint-xx") is not None


def test_no_manifest_can_claim_a_foreign_name(site: Site) -> None:
    """A plugin's name has no dot, so the two can't be mistaken for each other."""
    site.wheel("evil", plugin="flake8.lint-xx")

    assert site.state("flake8.lint-xx").state == "foreign"


def test_of_two_adapters_one_drives(site: Site) -> None:
    site.wheel("zeta", manifest=adapter("zeta", ADAPTER.replace("acme", "zeta")))

    assert site.state("flake8.lint-xx").driver.startswith("acme_bridge")
    assert site.state("zeta").state == "ok"


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ("[flake8.extension]\nXX\n", "no `name = value`"),
        ("[flake8.extension]\nXX = nowhere:Check\n", "nowhere"),
        ("[flake8.extension]\nXX = not a module:Check\n", "names"),
        (
            "[flake8.extension]\n" + "".join(f"X{n} = a:b\n" for n in range(1100)),
            "more than 1024",
        ),
    ],
)
def test_what_is_wrong_with_it_is_a_state(site: Site, points: str, reason: str) -> None:
    site.foreign("lint-bad", points)

    state = site.state("flake8.lint-bad")

    assert state.state == "broken"
    assert reason in state.reason


@pytest.mark.parametrize("style", ["link", "folder", "large"])
def test_entry_points_that_are_no_file_are_a_state(site: Site, style: str) -> None:
    info = site.foreign("lint-odd", "[flake8.extension]\nXX = lint_odd:C\n")
    file = info / "entry_points.txt"
    file.unlink()
    if style == "link":
        file.symlink_to("/nowhere")
    elif style == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"#" * (1024 * 1024 + 1))
    os.utime(info)

    states = [s for s in site.found("flake8").plugins if s.distribution == "lint-odd"]

    assert {state.state for state in states} == {"broken"}


def test_without_a_cache_the_same_is_found(site: Site) -> None:
    found = discover([site.path], bridges=["flake8"])

    assert found.names == ("acme-bridge", "flake8.lint-xx")
    assert found.plugins == site.found("flake8").plugins


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("", "each other"),
        (ADAPTER.replace('"flake8.report"', '"lockgate.ai"'), "of lockgate's own"),
        (ADAPTER.replace('"flake8.report"', '"babel.extractors"'), "adapted twice"),
        (ADAPTER.replace('"babel"', '"flake8"'), "adapted twice"),
        (ADAPTER.replace('"analyzer"', '"analyser"'), "no kind named 'analyser'"),
        (ADAPTER.replace("drivers:adapt", "drivers"), "adapters.0.driver"),
        (ADAPTER.replace('["babel.extractors"]', "[]"), "adapters.1.groups"),
        (ADAPTER.replace("driver =", "drive = 1\ndriver ="), "unknown key 'drive'"),
    ],
)
def test_an_adapter_that_makes_no_sense_is_refused(extra: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(
            adapter(extra=extra).encode(), file="lockgate.toml", distribution="x"
        )

    assert message in f"{caught.value.key} {caught.value.message}"


def test_adapters_come_back_from_plain_data() -> None:
    manifest = parse_manifest(
        adapter().encode(), file="lockgate.toml", distribution="x"
    )

    assert [a.ecosystem for a in manifest.adapters] == ["flake8", "babel"]
    for short in (True, False):
        assert type(manifest).from_data(manifest.to_data(short=short)) == manifest


def test_an_ecosystem_of_which_nothing_is_there_is_told(site: Site) -> None:
    site.foreign("styles", "[flake8.extension]\nS = styles:check\n")

    found = site.found("flake8", "babel")

    lacking = found.get("babel.*")
    assert lacking is not None
    assert lacking.state == "missing-requirement"
    assert "no plugin of babel is installed" in lacking.reason
    assert "install" in lacking.hint
    assert found.get("flake8.*") is None


def test_what_nobody_looks_for_is_told_with_the_word_that_does(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = site.found()
    assert unnamed(found.plugins, (), found.folders) == {"flake8": ["lint-xx"]}
    assert unnamed(found.plugins, ("flake8",), found.folders) == {}
    monkeypatch.setattr(sys, "path", [site.path, *sys.path])

    main(["--set", "bridges=babel", "doctor", "--json"])

    checks = json.loads(capsys.readouterr().out)["checks"]
    told = [check for check in checks if check["name"] == "bridges"]
    (one,) = [check for check in told if "flake8" in check["message"]]
    assert one["state"] == "ok"
    assert "plugins of flake8 could be used too" in one["message"]
    assert "lockgate --set bridges=babel,flake8 list" in one["message"]

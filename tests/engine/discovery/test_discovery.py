"""Discovery: every shape of installation, and whose manifest it has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lockgate.discovery import discover
from tests.engine.discovery.finding import find, only
from tests.support.dists import EditableStyle, SitePackages, manifest_text


def test_a_wheel_is_found_with_its_manifest(site: SitePackages) -> None:
    info = site.wheel("acme-tools", plugin="acme", version="2.1")

    plugin = only(find(site))

    assert (plugin.name, plugin.version, plugin.state) == ("acme", "2.1", "ok")
    assert plugin.distribution == "acme-tools"
    assert plugin.location == str(info)
    assert plugin.path == (site.path,)
    assert not plugin.editable
    assert plugin.manifest is not None
    assert plugin.manifest.hooks[0].hook == "transform"


def test_a_library_is_no_plugin(site: SitePackages) -> None:
    site.plain("requests")

    assert find(site).plugins == ()


@pytest.mark.parametrize("style", ["pth", "finder", "direct-url"])
def test_an_editable_install_is_found_where_its_source_is(
    site: SitePackages, tmp_path: Path, style: EditableStyle
) -> None:
    site.editable("acme", tmp_path / "source", style=style)

    plugin = only(find(site))

    assert plugin.state == "ok", plugin.reason
    assert plugin.editable
    assert plugin.path == (str(tmp_path / "source" / "src"),)
    assert plugin.manifest_path == str(tmp_path / "source/src/acme/lockgate.toml")


@pytest.mark.parametrize("style", ["finder", "direct-url"])
def test_a_wheel_that_only_says_it_is_editable_opens_no_folder(
    site: SitePackages, tmp_path: Path, style: EditableStyle
) -> None:
    # The folder would become readable for the plugin's worker, without any grant.
    info = site.editable("acme", tmp_path / "source", style=style)
    for path in site.folder.glob("*.pth"):
        path.unlink()

    assert only(find(site)).state == "broken"

    (info / "entry_points.txt").write_text("[lockgate.analyzer]\nacme = acme:run\n")
    plugin = only(find(site))
    assert (plugin.state, plugin.path) == ("broken", (str(site.folder),))


def test_a_develop_install_is_found_by_its_egg_info(
    site: SitePackages, tmp_path: Path
) -> None:
    site.editable("acme", tmp_path / "source", style="egg-info")

    plugin = only(find(site, str(tmp_path / "source" / "src")))

    assert plugin.state == "ok", plugin.reason
    assert plugin.path == (str(tmp_path / "source" / "src"),)


def test_an_editables_own_egg_info_is_not_a_second_plugin(
    site: SitePackages, tmp_path: Path
) -> None:
    site.editable("acme", tmp_path / "source", style="pth")
    site.editable("acme", tmp_path / "source", style="egg-info")

    assert only(find(site, str(tmp_path / "source" / "src"))).state == "ok"


def test_a_manifest_in_a_sub_package_is_refused_without_a_look(
    site: SitePackages,
) -> None:
    site.wheel(
        "acme",
        entry_points="[lockgate.manifest]\nacme = acme.sub:lockgate.toml\n",
        files={"acme/sub/lockgate.toml": manifest_text("acme")},
    )

    plugin = only(find(site))

    assert plugin.state == "broken"
    assert "no file of a top-level package" in plugin.reason


@pytest.mark.parametrize(
    "value",
    ["acme:../secret.toml", "../acme:lockgate.toml", "acme:/etc/passwd", "acme", ":x",
     "acme:lockgate.py", "acme:sub/lockgate.toml", "a b:lockgate.toml"],
)  # fmt: skip
def test_an_entry_point_that_leads_elsewhere_is_a_broken_plugin(
    site: SitePackages, value: str
) -> None:
    site.wheel("acme", entry_points=f"[lockgate.manifest]\nacme = {value}\n")

    plugin = only(find(site))

    assert plugin.state == "broken"
    assert "no file of a top-level package" in plugin.reason


def test_a_wrong_manifest_is_told_with_file_line_and_key(site: SitePackages) -> None:
    site.wheel("acme", manifest=manifest_text("acme", tier='"superb"'))

    plugin = only(find(site))

    assert plugin.state == "broken"
    assert "acme/lockgate.toml:6 (tier)" in plugin.reason


def test_a_manifest_of_another_name_is_broken(site: SitePackages) -> None:
    site.wheel("acme", manifest=manifest_text("other"))

    plugin = only(find(site))

    assert plugin.state == "broken"
    assert "'acme'" in plugin.reason
    assert "'other'" in plugin.reason


def test_a_half_removed_wheel_is_broken(site: SitePackages) -> None:
    info = site.wheel("acme")
    shutil.rmtree(site.folder / "acme")

    assert "missing, though RECORD lists it" in only(find(site)).reason

    (info / "METADATA").unlink()

    assert "half installed or removed" in only(find(site)).reason


def test_another_distributions_manifest_is_not_borrowed(site: SitePackages) -> None:
    site.wheel("acme")
    thief = site.plain("thief")
    points = "[lockgate.manifest]\nthief = acme:lockgate.toml\n"
    (thief / "entry_points.txt").write_text(points)

    states = {p.name: p for p in find(site).plugins}

    assert states["acme"].state == "ok"
    assert "belongs to another distribution" in states["thief"].reason


def test_a_plugin_of_a_classic_group_is_legacy(site: SitePackages) -> None:
    site.wheel(
        "acme",
        entry_points="[lockgate.generator]\nmaker = acme.mod:make\n"
        "[lockgate.analyzer]\nmaker = acme.mod:look\n[other]\nx = y:z\n",
    )

    plugin = only(find(site))

    assert (plugin.name, plugin.state, plugin.tier) == ("maker", "legacy", "read-only")
    assert plugin.kinds == ("generator", "analyzer")
    assert plugin.entries[0] == ("lockgate.generator", "acme.mod:make")
    assert plugin.manifest is None
    assert len(plugin.digest) == 64


def test_a_single_file_in_a_plugin_folder_is_legacy(
    site: SitePackages, tmp_path: Path
) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "my_tool.py").write_text("raise SystemExit(9)\n")
    (folder / "_private.py").write_text("")
    os.mkfifo(folder / "pipe.py")

    states = {p.name: p for p in find(site, plugin_folders=[str(folder)]).plugins}

    assert states["my-tool"].state == "legacy"
    assert states["my-tool"].entries == (("file", str(folder / "my_tool.py")),)
    assert states["pipe"].state == "broken"
    assert len(states) == 2


def test_two_manifests_in_one_distribution_are_broken(site: SitePackages) -> None:
    points = "[lockgate.manifest]\na = acme:lockgate.toml\nb = acme:lockgate.toml\n"
    site.wheel("acme", entry_points=points)

    assert "names 2 manifests" in only(find(site)).reason


def test_relative_folders_of_a_search_path_are_not_looked_at(
    site: SitePackages, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.wheel("acme")
    monkeypatch.chdir(site.folder)

    assert discover(["", ".", "site-packages"]).plugins == ()

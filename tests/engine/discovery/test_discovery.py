"""Discovery: every shape of installation, and every way of being broken."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.discovery import Discovery, PluginState, discover
from lockgate.discovery._entry_points import parse_entry_points
from lockgate.discovery._relations import unshadow
from lockgate.errors import PluginUnavailableError
from tests.support.dists import EditableStyle, SitePackages, manifest_text


@pytest.fixture
def site(tmp_path: Path) -> SitePackages:
    return SitePackages(tmp_path / "site-packages")


def find(site: SitePackages, *more: str, **options: object) -> Discovery:
    return discover([site.path, *more], **options)  # type: ignore[arg-type]


def only(found: Discovery) -> PluginState:
    assert len(found.plugins) == 1, [p.name for p in found.plugins]
    return found.plugins[0]


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


def test_two_distributions_with_one_name_put_both_out_of_use(
    site: SitePackages,
) -> None:
    site.wheel("acme-one", plugin="acme")
    site.wheel("acme-two", plugin="acme")

    one, two = find(site).plugins

    assert one.state == two.state == "duplicate"
    assert "acme-two" in one.reason
    assert "acme-one" in two.reason


def test_the_same_distribution_in_a_later_folder_is_shadowed(
    site: SitePackages, tmp_path: Path
) -> None:
    later = SitePackages(tmp_path / "later")
    site.wheel("acme", version="2.0")
    later.wheel("acme", version="1.0")

    states = find(site, later.path).plugins

    assert [(p.version, p.state) for p in states] == [
        ("2.0", "ok"),
        ("1.0", "shadowed"),
    ]


def test_two_metadata_folders_side_by_side_are_a_duplicate(site: SitePackages) -> None:
    info = site.wheel("acme", version="1.0")
    shutil.copytree(info, site.folder / "acme-1.1.dist-info")

    assert {p.state for p in find(site).plugins} == {"duplicate"}


def test_what_pip_is_removing_is_not_looked_at(site: SitePackages) -> None:
    info = site.wheel("acme")
    info.rename(site.folder / "~cme-1.0.dist-info")

    assert find(site).plugins == ()


def test_another_hook_api_is_incompatible(site: SitePackages) -> None:
    site.wheel("acme", manifest=manifest_text("acme", hook_api='">=7"'))

    plugin = only(find(site))

    assert plugin.state == "incompatible"
    assert ">=7" in plugin.reason


def test_only_the_plugin_that_declares_a_conflict_yields(site: SitePackages) -> None:
    relation = '[relations]\nconflicts = ["victim"]\n'
    site.wheel("bully", manifest=manifest_text("bully", extra=relation))
    site.wheel("victim")

    states = {p.name: p.state for p in find(site).plugins}

    assert states == {"bully": "conflict", "victim": "ok"}


def test_a_missing_requirement_spreads_to_those_who_need_it(site: SitePackages) -> None:
    for name, needed in [("a", "b"), ("b", "c"), ("c", "gone")]:
        relation = f'[relations]\nrequires = ["{needed}"]\n'
        site.wheel(name, manifest=manifest_text(name, extra=relation))

    states = {p.name: p for p in find(site).plugins}

    assert {p.state for p in states.values()} == {"missing-requirement"}
    assert "gone" in states["c"].reason


def test_a_disabled_plugin_does_not_meet_a_requirement(site: SitePackages) -> None:
    relation = '[relations]\nrequires = ["b"]\n'
    site.wheel("a", manifest=manifest_text("a", extra=relation))
    site.wheel("b")

    states = {p.name: p.state for p in find(site, disabled=["b"]).plugins}

    assert states == {"a": "missing-requirement", "b": "disabled"}


def test_a_command_noun_goes_to_the_plugin_of_that_name(site: SitePackages) -> None:
    command = '[[commands]]\nnoun = "a"\nverb = "x"\nhelp = "x"\npipeline = "x.yaml"\n'
    site.wheel("a", manifest=manifest_text("a", extra=command))
    site.wheel("b", manifest=manifest_text("b", extra=command))

    assert {p.name: p.state for p in find(site).plugins} == {"a": "ok", "b": "conflict"}


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


# Broken and hostile files ---------------------------------------------------


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _binary(path: Path) -> None:
    path.write_bytes(b"lockgate.\x00\xff\xfe[" + bytes(range(256)))


SPOILERS = [_fifo, _loop, _folder, _device, _huge, _binary]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("file", ["entry_points.txt", "RECORD", "acme/lockgate.toml"])
def test_a_spoilt_file_is_a_broken_plugin_and_harms_no_other(
    site: SitePackages, file: str, spoil: object
) -> None:
    info = site.wheel("acme")
    site.wheel("good")
    path = site.folder / file if "/" in file else info / file

    spoil(path)  # type: ignore[operator]

    states = {p.name: p for p in find(site).plugins}
    assert states["good"].state == "ok"
    assert states["acme"].state == "broken"
    assert states["acme"].reason


def test_unreadable_files_are_a_broken_plugin(site: SitePackages) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    site.wheel("acme")
    (site.folder / "acme/lockgate.toml").chmod(0)

    assert "cannot be read" in only(find(site)).reason


def test_names_that_are_not_utf8_are_listed(site: SitePackages) -> None:
    info = site.wheel("acme")
    info.rename(os.fsdecode(os.fsencode(site.folder) + b"/\xff-1.0.dist-info"))

    assert len(find(site).plugins) == 1


@pytest.mark.parametrize("name", ["-1.0.dist-info", ".dist-info", "x.dist-info"])
def test_odd_folder_names_are_listed(site: SitePackages, name: str) -> None:
    site.wheel("acme").rename(site.folder / name)

    assert only(find(site)).name == "acme"


@pytest.mark.parametrize(
    "mapping",
    [
        "MAPPING: dict[str, str] = __import__('os').system('touch pwned')",
        "MAPPING = {'acme': 3}",
        "MAPPING = " + "(" * 3000,
        "MAPPING = {[]: 1}",
        "MAPPING = {'acme': '/elsewhere/other'}",
    ],
)
def test_a_hostile_finder_is_read_and_never_run(
    site: SitePackages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    monkeypatch.chdir(tmp_path)
    info = site.editable("acme", tmp_path / "source", style="finder")
    (info / "direct_url.json").unlink()
    next(site.folder.glob("*_finder.py")).write_text(mapping)

    assert only(find(site)).state == "broken"
    assert not (tmp_path / "pwned").exists()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_arbitrary_metadata_never_stops_discovery(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    site = SitePackages(tmp_path_factory.mktemp("fuzz") / "site")
    info = site.wheel("acme")
    site.wheel("good")
    raw = data.draw(
        st.binary(max_size=200)
        | st.text(alphabet="[]=.:lockgate manifest\n\r\x0c\\/", max_size=120).map(
            lambda text: b"[lockgate.manifest]\nacme = " + text.encode()
        )
    )
    file = data.draw(
        st.sampled_from(["entry_points.txt", "RECORD", "direct_url.json", "METADATA"])
    )
    (info / file).write_bytes(raw)

    found = find(site)

    assert {p.name: p.state for p in found.plugins}["good"] == "ok"


@given(st.binary(max_size=300).map(lambda raw: b"[lockgate.manifest]\n" + raw))
def test_entry_points_are_parsed_or_refused(raw: bytes) -> None:
    try:
        entries = parse_entry_points(raw)
    except ValueError:
        return

    assert all(entry.name and entry.value for entry in entries)


# Identity -------------------------------------------------------------------


def test_the_digest_of_a_wheel_is_that_of_its_record(site: SitePackages) -> None:
    info = site.wheel("acme")
    before = only(find(site)).digest

    with (info / "RECORD").open("a") as record:
        record.write("acme/extra.py,,\n")

    assert only(find(site)).digest != before


def test_the_digest_of_an_editable_changes_with_any_file(
    site: SitePackages, tmp_path: Path
) -> None:
    site.editable("acme", tmp_path / "source", style="pth")
    plugin = only(find(site))
    before = plugin.digest
    package = tmp_path / "source" / "src" / "acme"
    cache = package / "__pycache__"
    cache.mkdir()
    for name in ("x.cpython-311.pyc", "x.cpython-313.opt-1.pyc.140"):
        (cache / name).write_bytes(b"1")

    assert plugin.digest == before

    (package / "__init__.py").write_text("x = 1\n")

    assert plugin.digest != before


def test_folders_that_lead_to_each_other_are_not_followed_for_ever(
    site: SitePackages, tmp_path: Path
) -> None:
    """Nine of them have 986,410 names, and the digest has to hold each."""
    site.editable("acme", tmp_path / "source", style="pth")
    package = tmp_path / "source" / "src" / "acme"
    folders = [package / f"folder{number}" for number in range(9)]
    for folder in folders:
        folder.mkdir()
    for folder in folders:
        for other in folders:
            (folder / f"to_{other.name}").symlink_to(other)

    with pytest.raises(PluginUnavailableError, match="more than 20000 folders"):
        _ = only(find(site)).digest


def test_a_stranger_cannot_put_a_first_party_plugin_out_of_use(
    site: SitePackages,
) -> None:
    site.wheel("lockgate-lint", plugin="lint")
    site.wheel("stranger", plugin="lint")

    states = {plugin.distribution: plugin.state for plugin in find(site).plugins}

    assert states == {"lockgate-lint": "ok", "stranger": "duplicate"}


def test_a_wheel_in_the_store_is_nobodys_first_party(site: SitePackages) -> None:
    """Whoever made it may have given it any name."""
    site.wheel("lockgate-lint", plugin="lint")
    site.wheel("stranger", plugin="lint")
    found = discover([site.path]).plugins
    stored = [replace(s, state="ok", stored=True, reason="") for s in found]

    assert [state.first_party for state in found].count(True) == 1
    assert not any(state.first_party for state in stored)
    assert {state.state for state in unshadow(stored)} == {"duplicate"}

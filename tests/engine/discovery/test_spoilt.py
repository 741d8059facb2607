"""Broken and hostile files: each spoils its own plugin, and nothing of them runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.discovery._entry_points import parse_entry_points
from tests.engine.discovery.finding import find, only
from tests.support.dists import SitePackages


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

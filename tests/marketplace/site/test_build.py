"""A folder of wheels becomes a site: reproducible, incremental, whole or absent."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import Options, build
from lockgate_marketplace.site import intake as intake_module
from tests.marketplace.site.built import codes, content, page
from tests.marketplace.site.samples import plugin_wheel, stock
from tests.support.wheels import Draft, forge_file

pytestmark = pytest.mark.usefixtures("build_date")


def test_the_same_wheels_make_the_same_bytes(tmp_path: Path) -> None:
    wheels = stock(tmp_path / "wheels")
    build(wheels, tmp_path / "a")
    build(wheels, tmp_path / "b")

    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert len(content(tmp_path / "a")) > 60


def test_a_second_build_hashes_and_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    judged: list[Path] = []
    monkeypatch.setattr(intake_module, "open_wheel", judged.append)

    report = build(wheels, site)

    assert (report.judged, report.hashed) == (0, len(list(wheels.glob("*.whl"))))
    assert judged == []
    assert content(site) == before


def test_a_new_wheel_gets_its_own_time_and_the_others_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "acme", "1.0")
    build(wheels, site)
    plugin_wheel(wheels, "acme", "1.1")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")

    report = build(wheels, site)

    times = {
        f["filename"]: f["upload-time"] for f in page(site, "lockgate-acme")["files"]
    }
    assert (report.judged, report.hashed) == (1, 1)
    assert times == {
        "lockgate_acme-1.0-py3-none-any.whl": "2026-11-18T11:06:40Z",
        "lockgate_acme-1.1-py3-none-any.whl": "2026-11-30T00:53:20Z",
    }


def test_an_incremental_build_is_a_fresh_one_but_for_its_times(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "early", "1.0")
    build(wheels, site)
    stock(wheels)
    build(wheels, site)
    build(wheels, tmp_path / "fresh")

    assert content(site) == content(tmp_path / "fresh")


def test_what_the_gate_refuses_is_left_out_and_reported(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    evil = Draft("evil")
    evil.add("../outside.py", "x = 1\n")
    evil.seal().write(wheels)

    report = build(wheels, site)

    assert list(codes(report)) == ["evil-1.0-py3-none-any.whl"]
    assert report.projects == 6
    assert not (site / "simple" / "evil").exists()
    assert not list(site.rglob("evil*"))
    assert not list(site.rglob(".coming"))


def test_the_same_wheel_is_unpacked_by_zipfile(tmp_path: Path) -> None:
    """What the rule above is for: others take it."""
    evil = Draft("evil")
    evil.add("../outside.py", "x = 1\n")
    with zipfile.ZipFile(evil.seal().write(tmp_path)) as archive:
        assert "../outside.py" in archive.namelist()


def test_a_wheel_for_another_machine_is_served(tmp_path: Path) -> None:
    tag = "cp399-cp399-manylinux_2_17_s390x"
    forge_file(tmp_path / "wheels", "lockgate-acme", manifest=True, tag=tag)

    assert build(tmp_path / "wheels", tmp_path / "site").refused == ()


def test_strict_writes_nothing_if_one_is_refused(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    Draft("evil").add("x.pth", "import os\n")
    (wheels / "evil-1.0-py3-none-any.whl").write_bytes(b"no zip")

    with pytest.raises(PublishError) as caught:
        build(wheels, site, Options(strict=True))

    assert caught.value.code == "index-wheel-refused"
    assert "evil-1.0" in str(caught.value.fields["refused"])
    assert content(site) == before
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []

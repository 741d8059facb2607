"""What a build takes over from the present site, and what makes it look again."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path

import pytest

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import build
from tests.marketplace.site.built import codes, content, page
from tests.marketplace.site.samples import plugin_wheel, stock

pytestmark = pytest.mark.usefixtures("build_date")


def test_other_bytes_of_the_same_size_and_time_are_seen(tmp_path: Path) -> None:
    """Nothing but the bytes tells: a wheel is hashed, and not believed its date."""
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    path = next(wheels.glob("lockgate_plain-*.whl"))
    before = path.stat()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size

    assert codes(build(wheels, site)) == {path.name: "index-file-changed"}


@pytest.mark.parametrize(
    "spoilt", [b"", b"[]", b'{"schema": 0}', b'{"schema": 1, "plugins": [1]}']
)
def test_a_spoilt_catalogue_is_made_anew(tmp_path: Path, spoilt: bytes) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    (site / "catalog.json").write_bytes(spoilt)
    plugin_wheel(wheels, "late")
    build(wheels, site)
    build(wheels, tmp_path / "fresh")

    assert content(site) == content(tmp_path / "fresh")


def test_what_changed_is_not_taken_over_from_the_catalogue(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    words = (wheels / "status.toml").read_text()
    (wheels / "status.toml").write_text(
        f'{words}\n[projects.lockgate-relay]\nstatus = "archived"\n'
    )
    build(wheels, site)

    found = json.loads((site / "catalog.json").read_text())["plugins"]
    states = {entry["project"]: entry["status"] for entry in found}
    assert states["lockgate-relay"] == "archived"
    assert states["lockgate-old"] == "deprecated"


def test_an_origin_that_is_taken_away_goes_from_the_page(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    assert page(site, "lockgate-acme")["files"][0]["provenance"]
    next(wheels.glob("*.provenance")).unlink()
    next(wheels.glob("*.verdicts")).unlink()
    build(wheels, site)

    assert page(site, "lockgate-acme")["files"][0]["provenance"] is None
    assert list(site.rglob("*.provenance")) == []
    assert "What checks said" not in (
        site / "plugins" / "lockgate-acme" / "index.html"
    ).read_text("utf-8")


def test_a_build_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    assert gc.isenabled()
    build(stock(tmp_path / "wheels"), tmp_path / "site")
    assert gc.isenabled()

    gc.disable()
    try:
        with pytest.raises(PublishError):
            build(tmp_path / "none", tmp_path / "site")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_file_system_without_links_gets_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    monkeypatch.setattr(os, "link", refused)
    plugin_wheel(wheels, "late")
    build(wheels, site)
    build(wheels, tmp_path / "fresh")

    assert content(site) == content(tmp_path / "fresh")


def test_a_list_says_that_a_plugin_is_yanked_or_held(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "bad")
    plugin_wheel(wheels, "held")
    plugin_wheel(wheels, "well")
    (wheels / "status.toml").write_text(
        '[projects.lockgate-held]\nstatus = "quarantined"\n'
        '[projects.lockgate-bad.yanked]\n"1.0" = "broken"\n'
    )
    build(wheels, site)

    html = (site / "index.html").read_text("utf-8")
    assert '<span class="state yanked">yanked</span>' in html
    assert '<span class="state quarantined">quarantined</span>' in html
    assert html.count('class="state ') == 2

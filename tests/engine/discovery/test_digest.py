"""The identity of a plugin: what changes it, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.errors import PluginUnavailableError
from tests.engine.discovery.finding import find, only
from tests.support.dists import SitePackages


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

"""Search by capability, over states as discovery gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.config import load_config
from lockgate.discovery import PluginState, discover
from lockgate.errors import UsageError
from lockgate.find import find_plugins
from lockgate.host import Host
from tests.support.dists import SitePackages, manifest_text

BOARDS = """\
[capabilities]
boards = ["Uno", "esp32-devkit"]
files = ["*.ino"]
tags = ["arduino"]
targets = ["micropython"]
tasks = ["flash"]
specs = ["hardware"]
[rights]
env = ["HOME"]
devices = ["/dev/ttyUSB0"]
[hooks]
discover_devices = "boards:find"
"""


@pytest.fixture
def site(tmp_path: Path) -> SitePackages:
    site = SitePackages(tmp_path / "site")
    keys = {"kinds": '["hardware"]', "tier": '"elevated"', "summary": '"All boards."'}
    site.wheel("boards", manifest=manifest_text("boards", extra=BOARDS, **keys))
    extra = '[capabilities]\ntags = ["ruff", "style"]\nfiles = ["*.py"]\n'
    site.wheel("style", manifest=manifest_text("style", extra=extra))
    site.wheel("torn", manifest="x")
    return site


def names(site: SitePackages, **query: str | list[str]) -> list[str]:
    states = discover([site.path]).plugins
    assert {p.name: p.reason for p in states if not p.usable and p.name != "torn"} == {}
    return [state.name for state in find_plugins(states, query)]


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("kind", "hardware"),
        ("hook", "discover_devices"),
        ("spec", "hardware"),
        ("file", "blink.ino"),
        ("file", ".ino"),
        ("device", "/dev/ttyusb0"),
        ("device", "/dev/tty*"),
        ("board", "uno"),
        ("board", "ESP32-*"),
        ("target", "micropython"),
        ("task", "flash"),
        ("tag", "arduino"),
        ("tier", "elevated"),
        ("right", "env"),
        ("right", "env:home"),
        ("right", "tier:elevated"),
        ("text", "all boards"),
        ("text", "esp32"),
    ],
)
def test_each_field_finds_the_one_that_says_so(
    site: SitePackages, field: str, word: str
) -> None:
    assert names(site, **{field: word}) == ["boards"]


def test_all_of_a_query_must_be_true(site: SitePackages) -> None:
    assert names(site, kind="hardware", tag="ruff") == []
    assert names(site, tag=["ruff", "style"], file="a.py") == ["style"]
    assert names(site, tag=["ruff", "arduino"]) == []
    assert names(site) == ["boards", "style", "torn"]


def test_what_has_no_manifest_is_found_by_state_and_text(site: SitePackages) -> None:
    assert names(site, state="broken") == ["torn"]
    assert names(site, text="torn") == ["torn"]
    assert names(site, tag="*") == ["boards", "style"]


def test_a_field_that_is_none_is_an_error_also_where_nothing_is_searched() -> None:
    with pytest.raises(UsageError, match="no field 'bord'") as caught:
        find_plugins((), {"bord": "uno"})
    assert "'board'" in caught.value.hint


def test_kinds_of_other_plugins_are_nothing_special() -> None:
    state = PluginState("x", kinds=("audio",), state="legacy")

    assert find_plugins([state], {"kind": "audio"}) == [state]


def test_a_host_finds_among_its_plugins(site: SitePackages, tmp_path: Path) -> None:
    config = load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    with Host.open(config, search_path=[site.path]) as host:
        assert [p.name for p in host.find(board="uno")] == ["boards"]

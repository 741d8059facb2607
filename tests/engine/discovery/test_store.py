"""Plugins of the store in discovery: exact, first, and never in the host."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lockgate.discovery import Discovery, _store, discover
from lockgate.discovery._index_format import Found
from lockgate.manifest import read_manifest
from lockgate.owned import replace_whole
from tests.support.dists import SitePackages, manifest_text
from tests.support.stores import Kept


class Place:
    """A search path, a store and a cache."""

    def __init__(self, root: Path) -> None:
        self.site = SitePackages(root / "site")
        self.kept = Kept(root / "data")
        self.cache = str(root / "cache")

    def find(self, environments: Mapping[str, list[str]] | None = None) -> Discovery:
        return discover(
            [self.site.path],
            cache_dir=self.cache,
            data_dir=str(self.kept.data),
            environments=environments or {},
        )

    def settled(self) -> Discovery:
        """Found through an index that holds."""
        time.sleep(0.1)
        self.find()
        return self.find()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_plugin_of_the_store_has_its_wheels_to_itself(place: Place) -> None:
    kept = place.kept
    library = kept.wheel("library", plugin="")
    kept.commit(kept.entry(kept.wheel("acme", "1.2"), library))

    for found in (place.find(), place.settled()):
        (state,) = found.plugins
        assert found.names == ("acme",)
        assert (state.name, state.version, state.state) == ("acme", "1.2", "ok")
        assert state.stored
        assert state.environment == kept.store.read().entries[0].folders(
            kept.store.root
        )
        assert state.path == state.environment
        assert len(state.environment) == 2


def test_what_a_plugin_depends_on_is_not_installed(place: Place) -> None:
    kept = place.kept
    kept.commit(kept.entry(kept.wheel("acme"), kept.wheel("helper")))

    assert [state.name for state in place.find().plugins] == ["acme"]


def test_the_store_comes_before_the_search_path(place: Place) -> None:
    place.site.wheel("acme", version="1.0")
    place.kept.install("acme", "2.0")

    found = place.settled()

    assert found.names == ("acme", "acme")
    assert [(s.version, s.state) for s in found.plugins] == [
        ("2.0", "ok"),
        ("1.0", "shadowed"),
    ]


def test_the_owners_settings_come_before_the_store(
    place: Place, tmp_path: Path
) -> None:
    place.kept.install("acme", "2.0")
    own = SitePackages(tmp_path / "own")
    own.wheel("acme", version="3.0")

    found = place.find({"acme": [own.path]})

    assert [s.version for s in found.plugins] == ["3.0"]
    assert [s.version for s in place.find().plugins] == ["2.0"]
    assert place.find().names == ("acme",)


@pytest.mark.parametrize("cached", [True, False])
def test_each_change_is_seen_at_the_next_call(place: Place, cached: bool) -> None:
    def names() -> list[tuple[str, str, str]]:
        found = place.settled() if cached else place.find()
        return [(s.name, s.version, s.state) for s in found.plugins]

    place.kept.install("acme", "1.0")
    assert names() == [("acme", "1.0", "ok")]
    place.kept.install("other")
    assert [n for n, *_ in names()] == ["acme", "other"]
    place.kept.install("acme", "2.0")
    assert names()[0] == ("acme", "2.0", "ok")
    with place.kept.store.locked():
        place.kept.store.switch(1)
    assert names() == [("acme", "1.0", "ok")]
    with place.kept.store.locked():
        place.kept.store.commit(place.kept.store.read().without("acme"), "uninstall")
    assert names() == []


def test_an_index_is_used_and_only_what_changed_is_read_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        place.kept.install(name)
    assert [s.name for s in place.settled().plugins] == ["one", "three", "two"]
    read: list[str] = []

    def counted(path: str, *, distribution: str) -> object:
        read.append(distribution)
        return read_manifest(path, distribution=distribution)

    monkeypatch.setattr("lockgate.discovery._resolve.read_manifest", counted)

    assert len(place.find().plugins) == 3
    assert read == []
    place.kept.install("four")
    assert len(place.find().plugins) == 4
    assert read == ["four"]


def test_an_environment_that_changes_under_the_same_wheel_is_seen(
    place: Place,
) -> None:
    kept = place.kept
    acme, old = kept.wheel("acme"), kept.wheel("library", "1.0", plugin="")
    kept.commit(kept.entry(acme, old))
    before = place.settled().plugins[0].environment
    kept.commit(kept.entry(acme, kept.wheel("library", "2.0", plugin="")))

    after = place.find().plugins[0].environment

    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_file_that_somebody_edits_is_seen(place: Place) -> None:
    place.kept.install("acme")
    (state,) = place.settled().plugins
    text = Path(state.manifest_path).read_text().replace("of a test", "of nobody")
    Path(state.manifest_path).write_text(text)

    assert place.find().plugins[0].summary == "A plugin of nobody."


@pytest.mark.parametrize("which", [0, 1])
def test_a_wheel_that_is_gone_is_a_state_and_no_error(place: Place, which: int) -> None:
    kept = place.kept
    wheels = kept.wheel("acme"), kept.wheel("library", plugin="")
    kept.commit(kept.entry(*wheels))
    kept.install("other")
    place.settled()
    folder = kept.root / "wheels" / wheels[which].sha256
    shutil.move(folder, kept.root / "away")

    acme, other = place.find().plugins
    assert (acme.name, acme.state, other.state) == ("acme", "broken", "ok")
    assert "is gone from the store" in acme.reason
    assert "lockgate verify" in acme.hint

    shutil.move(kept.root / "away", folder)
    assert [s.state for s in place.settled().plugins] == ["ok", "ok"]


def test_a_store_that_is_not_believed_costs_its_plugins_only(place: Place) -> None:
    place.site.wheel("shared")
    place.kept.install("acme")
    place.settled()
    place.kept.root.chmod(0o777)

    found = place.find()

    assert [s.name for s in found.plugins] == ["shared"]
    assert found.names == ("shared",)
    assert found.store_error is not None
    assert "others may write" in str(found.store_error)


def test_a_damaged_generation_is_told_also_when_it_comes_late(place: Place) -> None:
    place.kept.install("acme")
    place.settled()
    found = place.find()
    (place.kept.root / "generations" / "2.json").write_text("{")
    replace_whole(place.kept.root / "current", b"2\n")

    assert found.plugins == ()
    assert found.store_error is not None
    assert place.find().store_error is not None


@pytest.mark.parametrize("tier", ['"system"', '"read-only"'])
def test_the_trusted_base_is_never_taken_from_the_store(
    place: Place, tier: str
) -> None:
    text = manifest_text("workflows", package="lockgate_workflows", tier=tier)
    place.kept.install("lockgate-workflows", "9.0", plugin="workflows", manifest=text)

    (alone,) = place.find().plugins
    assert alone.state == "broken"
    assert "nowhere but its own installation" in alone.reason

    place.site.wheel("lockgate-workflows", plugin="workflows", manifest=text)
    states = {s.version: s.state for s in place.find().plugins}
    assert states == {"1.0": "ok", "9.0": "shadowed"}


def test_without_an_index_all_is_the_same(place: Place) -> None:
    place.kept.install("acme")
    place.site.wheel("shared")

    found = discover([place.site.path], data_dir=str(place.kept.data))

    assert found.names == ("acme", "shared")
    assert found.index == "off"


def test_names_after_an_environment_was_taken_away_are_right(
    place: Place, tmp_path: Path
) -> None:
    own = SitePackages(tmp_path / "own")
    own.wheel("acme")
    time.sleep(0.1)

    assert place.find({"acme": [own.path]}).names == ("acme",)
    assert place.find().names == ()


def test_what_is_collected_while_it_is_looked_for_is_not_broken(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process upgrades, and `gc` takes the former release's wheel."""
    kept = place.kept
    kept.install("acme", "1.0")
    (gone,) = Path(kept.root, "wheels").iterdir()
    found = _store._found  # pyright: ignore[reportPrivateUsage]

    def late(*args: Any) -> Found:
        monkeypatch.undo()
        kept.install("acme", "1.1")
        shutil.rmtree(gone)
        return found(*args)

    monkeypatch.setattr(_store, "_found", late)

    (state,) = place.find().plugins
    assert (state.version, state.state) == ("1.1", "ok")

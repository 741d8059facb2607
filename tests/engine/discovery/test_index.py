"""The stored index: exact about changes, and never believed without reason."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.discovery import Discovery, discover, index_files
from tests.support.dists import SitePackages, manifest_text


class Place:
    """A site folder and a cache folder, searched together."""

    def __init__(self, root: Path) -> None:
        self.site = SitePackages(root / "site-packages")
        self.cache = root / "cache"

    def find(self) -> Discovery:
        return discover([self.site.path], cache_dir=str(self.cache))

    def states(self) -> dict[str, str]:
        return {plugin.name: plugin.state for plugin in self.find().plugins}

    def settle(self) -> None:
        """Let the index become one that is used: its files are no longer new."""
        deadline = time.monotonic() + 20
        while self.find().index != "used":
            assert time.monotonic() < deadline, self.find().index_note
            time.sleep(0.02)

    @property
    def file(self) -> Path:
        return Path(self.find().index_file)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.site.wheel("acme")
    found.site.plain("library")
    found.settle()
    return found


def test_what_did_not_change_comes_from_the_index(place: Place) -> None:
    fresh = discover([place.site.path])
    stored = place.find()

    assert stored.index == "used"
    assert stored.plugins == fresh.plugins
    assert stored.plugins[0].manifest == fresh.plugins[0].manifest
    assert stored.folders == fresh.folders == (place.site.path,)


def test_a_used_index_reads_no_manifest_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a manifest was read")

    monkeypatch.setattr("lockgate.manifest.read_manifest", refuse)
    monkeypatch.setattr("lockgate._text.files.read_bounded", refuse)

    assert place.find().index == "used"


def edit(place: Place) -> None:
    path = place.site.folder / "acme/lockgate.toml"
    path.write_text(path.read_text().replace("read-only", "read-only"[:-1] + "x"))


def edit_keeping_size_and_time(place: Place) -> None:
    path = place.site.folder / "acme/lockgate.toml"
    before = path.stat()
    aside = path.with_name("new")
    aside.write_text(path.read_text().replace("read-only", "read_only"))
    aside.rename(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove_manifest(place: Place) -> None:
    (place.site.folder / "acme/lockgate.toml").unlink()


def change_entry_point(place: Place) -> None:
    info = place.site.folder / "acme-1.0.dist-info"
    (info / "entry_points.txt").write_text("[lockgate.manifest]\nacme = x:y\n")


def remove_metadata(place: Place) -> None:
    (place.site.folder / "acme-1.0.dist-info/METADATA").unlink()


@pytest.mark.parametrize(
    "change",
    [edit, edit_keeping_size_and_time, remove_manifest, change_entry_point,
     remove_metadata],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_a_change_is_seen_at_the_next_call_in_the_same_second(
    place: Place, change: Callable[[Place], None]
) -> None:
    change(place)

    assert place.states() == {"acme": "broken"}


def test_two_edits_within_one_tick_of_the_clock_are_both_seen(place: Place) -> None:
    path = place.site.folder / "acme/lockgate.toml"
    for number in range(10):
        summary = f'"Summary number {number}."'
        path.write_text(manifest_text("acme", summary=summary))

        assert place.find().plugins[0].summary == f"Summary number {number}."


def test_an_added_plugin_is_seen(place: Place) -> None:
    place.site.wheel("second")

    assert place.states() == {"acme": "ok", "second": "ok"}


def test_a_removed_plugin_is_seen(place: Place) -> None:
    (place.site.folder / "acme-1.0.dist-info").rename(place.site.folder / "gone")

    assert place.states() == {}


def test_a_replaced_plugin_is_seen(place: Place) -> None:
    info = place.site.folder / "acme-1.0.dist-info"
    info.rename(place.site.folder / "acme-2.0.dist-info")

    assert [p.version for p in place.find().plugins] == ["2.0"]


def test_a_duplicate_that_goes_away_leaves_a_plugin_that_works(place: Place) -> None:
    second = place.site.wheel("acme-two", plugin="acme")
    assert set(place.states().values()) == {"duplicate"}
    place.settle()

    (second / "entry_points.txt").unlink()

    assert place.states() == {"acme": "ok"}


def test_a_broken_editable_is_well_once_its_manifest_appears(
    place: Place, tmp_path: Path
) -> None:
    place.site.editable("late", tmp_path / "source", style="pth")
    manifest = tmp_path / "source/src/late/lockgate.toml"
    text = manifest.read_text()
    manifest.unlink()
    place.settle()
    assert place.states()["late"] == "broken"

    manifest.write_text(text)

    assert place.states()["late"] == "ok"


def test_an_edited_pth_file_is_seen(place: Place, tmp_path: Path) -> None:
    info = place.site.editable("moved", tmp_path / "source", style="pth")
    (info / "direct_url.json").unlink()
    place.settle()

    (place.site.folder / "_editable_impl_moved.pth").write_text("/nowhere\n")

    assert place.states()["moved"] == "broken"


def test_the_names_are_known_without_decoding_a_candidate(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.site.wheel("second")
    place.settle()
    monkeypatch.delattr("lockgate.discovery._index_format.Stored.states")

    found = place.find()

    assert (found.index, found.names) == ("used", ("acme", "second"))
    assert found.get("third") is None


@pytest.mark.parametrize("change", [edit, remove_metadata], ids=lambda f: f.__name__)
def test_a_state_is_the_one_when_it_is_asked_for(
    place: Place, change: Callable[[Place], None]
) -> None:
    found = place.find()
    assert (found.index, found.names) == ("used", ("acme",))

    change(place)

    assert [plugin.state for plugin in found.plugins] == ["broken"]
    assert (found.index, found.index_note) == ("rebuilt", "something changed")
    assert place.states() == {"acme": "broken"}


def test_the_names_of_an_editable_rest_on_all_of_its_files(
    place: Place, tmp_path: Path
) -> None:
    place.site.editable("late", tmp_path / "source", style="pth")
    place.settle()
    assert place.find().index == "used"

    (tmp_path / "source/src/late/lockgate.toml").unlink()

    assert place.find().index == "rebuilt"


def test_the_names_are_those_of_the_plugins_in_their_order(place: Place) -> None:
    place.site.wheel("zebra")
    place.site.wheel("acme-two", plugin="acme")
    place.settle()
    found = place.find()

    assert found.names == tuple(plugin.name for plugin in found.plugins)
    assert found.names == ("acme", "acme", "zebra")


def test_what_is_switched_off_needs_no_other_index(place: Place) -> None:
    found = discover(
        [place.site.path], cache_dir=str(place.cache), disabled=frozenset({"acme"})
    )

    assert found.index == "used"
    assert [plugin.state for plugin in found.plugins] == ["disabled"]


def test_a_folder_searched_both_ways_is_watched_once(
    place: Place, tmp_path: Path
) -> None:
    (place.site.folder / "single.py").write_text("")

    def both() -> Discovery:
        return discover(
            [place.site.path],
            cache_dir=str(tmp_path / "other-cache"),
            plugin_folders=[place.site.path],
        )

    deadline = time.monotonic() + 20
    while both().index != "used":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert both().names == ("acme", "single")

    edit(place)

    assert {p.name: p.state for p in both().plugins}["acme"] == "broken"


def test_a_finder_that_maps_to_no_possible_path_is_no_reason_to_rebuild(
    place: Place, tmp_path: Path
) -> None:
    info = place.site.editable("odd", tmp_path / "source", style="finder")
    (info / "direct_url.json").unlink()
    finder = place.site.folder / "__editable___odd_1_0_finder.py"
    finder.write_text("MAPPING: dict[str, str] = {'odd': '/no\\0where\\ud800/odd'}\n")

    place.settle()

    assert place.states()["odd"] == "broken"


# The file itself ------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"00000000\n{}", b"xyz", b"\x00" * 100, b"0\n[]\n{}"]
)
def test_a_damaged_index_is_made_anew(place: Place, content: bytes) -> None:
    path = place.file
    path.write_bytes(content)

    assert index_files(str(place.cache))[str(path)]
    found = place.find()

    assert found.index == "rebuilt"
    assert found.plugins[0].state == "ok"
    assert index_files(str(place.cache)) == {str(path): ""}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_any_changed_byte_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, at: int, patch: bytes
) -> None:
    place = Place(tmp_path_factory.mktemp("index"))
    place.site.wheel("acme")
    path = place.file
    raw = path.read_bytes()
    at %= len(raw)
    path.write_bytes(raw[:at] + patch + raw[at + len(patch) :])

    assert place.states() == {"acme": "ok"}


def test_damage_behind_the_stamps_is_mended_once_it_is_met(place: Place) -> None:
    path = place.file
    raw = path.read_bytes()
    path.write_bytes(raw[:-2] + b"??")
    found = place.find()
    assert found.index == "used"
    assert index_files(str(place.cache))[str(path)] == "is damaged"

    assert [plugin.state for plugin in found.plugins] == ["ok"]
    assert index_files(str(place.cache)) == {str(path): ""}


def test_an_index_replaced_between_two_questions_is_not_mixed_up(place: Place) -> None:
    before = place.find()
    place.site.wheel("second")
    place.settle()

    assert before.names == ("acme",)
    assert [plugin.name for plugin in before.plugins] == ["acme", "second"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_index_that_others_can_write_is_not_believed(
    place: Place, mode: int
) -> None:
    path = place.file
    path.chmod(mode)

    found = place.find()

    assert (found.index, found.index_note) == (
        "rebuilt",
        "could have been written by somebody else",
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_index_of_another_user_is_not_believed(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(place.file, 12345, 12345)

    assert "somebody else" in place.find().index_note


def test_a_symlink_in_place_of_the_index_is_not_followed(
    place: Place, tmp_path: Path
) -> None:
    path = place.file
    target = tmp_path / "target"
    path.rename(target)
    path.symlink_to(target)

    assert place.find().index == "rebuilt"
    assert not path.is_symlink()


def test_a_fifo_in_place_of_the_index_does_not_block(place: Place) -> None:
    path = place.file
    path.unlink()
    os.mkfifo(path)

    assert place.find().index_note == "is no file of lockgate's"


def test_an_index_of_another_search_path_is_another_file(
    place: Place, tmp_path: Path
) -> None:
    other = SitePackages(tmp_path / "other")

    found = discover([other.path], cache_dir=str(place.cache))

    assert found.plugins == ()
    assert place.find().index == "used"


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    site = SitePackages(tmp_path / "site")
    site.wheel("acme")
    blocked = tmp_path / "file"
    blocked.write_text("")

    found = discover([site.path], cache_dir=str(blocked / "cache"))

    assert found.plugins[0].state == "ok"
    assert found.index_note.startswith("cannot be written")


def test_an_index_is_written_whole(place: Place) -> None:
    place.site.wheel("second")
    place.find()

    assert [path.name for path in place.cache.iterdir()] == [place.file.name]


def test_what_a_killed_writer_left_is_swept_by_the_next(place: Place) -> None:
    left = place.cache / "discovery-0badcafe.index.4711.new"
    under_way = place.cache / "discovery-0badcafe.index.4712.new"
    for file in (left, under_way):
        file.write_bytes(b"half an ind")
    os.utime(left, (time.time() - 7200, time.time() - 7200))

    place.site.wheel("lamp")  # the next index is written
    place.find()

    assert not left.exists()
    assert under_way.exists(), "somebody may be writing it"

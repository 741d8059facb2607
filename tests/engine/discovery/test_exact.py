"""What the index says is what a look without it says, whatever was edited between.

The edits are drawn at random and made within one second, on every shape in which a
plugin can lie: wheels, editables, classic entry points, and the store's wheels.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.discovery import Discovery, discover
from tests.support.dists import SitePackages, manifest_text
from tests.support.stores import Kept

MEMORY = "/dev/shm"
CLASSIC = "[lockgate.generator]\nclassic = classic:Generator\n"


class World:
    """One plugin of each shape, in a site folder and in a store."""

    def __init__(self, root: Path) -> None:
        self.site = SitePackages(root / "site")
        self.kept = Kept(root / "data")
        self.cache = str(root / "cache")
        self.site.wheel("acme")
        self.site.wheel("classic", entry_points=CLASSIC)
        self.site.plain("library")
        self.site.editable("edited", root / "source", style="pth")
        for name in ("kept", "other"):
            self.kept.install(name)
        self._age(root)
        self.find()

    def find(self, cache: str | None = None) -> Discovery:
        return discover(
            [self.site.path],
            cache_dir=self.cache if cache is None else cache,
            data_dir=str(self.kept.data),
        )

    def _age(self, root: Path) -> None:
        """Let nothing be so new that the index must doubt it."""
        before = time.time_ns() - 10**9
        for path in (root, *root.rglob("*")):
            os.utime(path, ns=(before, before))

    def files(self) -> list[Path]:
        """Every file of every plugin, and the folders that they lie in."""
        below = [self.site.folder, self.kept.root / "wheels", *self._source()]
        found = [path for root in below for path in sorted(root.rglob("*"))]
        return [p for p in found if "/wheels/" not in str(p) or p.name != "site"]

    def _source(self) -> list[Path]:
        source = self.site.folder.parent / "source"
        return [source] if source.exists() else []


@contextmanager
def _folder() -> Generator[Path]:
    place = MEMORY if Path(MEMORY).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="lockgate-exact-", dir=place) as folder:
        yield Path(folder)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def empty(path: Path) -> None:
    if path.is_file():
        path.write_bytes(b"")


def break_in_place(path: Path) -> None:
    """Same size, same folder entry: only time tells."""
    if path.is_file():
        with path.open("r+b") as file:
            file.write(b"?" * path.stat().st_size)


def replace_keeping_times(path: Path) -> None:
    """Same size, same time: only the inode tells."""
    if path.is_file():
        before, aside = path.stat(), path.with_name("aside")
        aside.write_bytes(b"?" * before.st_size)
        aside.rename(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def move_away_and_back(path: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    aside.rename(path)


def put_a_twin_beside(path: Path) -> None:
    """Another version of the same distribution, as a broken upgrade leaves it."""
    twin = path.with_name(path.name.replace("-1.0.", "-2.0."))
    if path.is_dir() and not twin.exists():
        shutil.copytree(path, twin)


EDITS: list[Callable[[Path], None]] = [
    remove,
    empty,
    break_in_place,
    replace_keeping_times,
    move_away_and_back,
    put_a_twin_beside,
]


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from(EDITS), st.booleans()),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=30, deadline=None)
def test_whatever_is_edited_the_index_tells_the_truth(
    edits: list[tuple[int, Callable[[Path], None], bool]],
) -> None:
    with _folder() as folder:
        world = World(folder)
        for number, edit, looked in edits:
            files = world.files()
            if files:
                edit(files[number % len(files)])
            if looked:
                world.find()

        with_index, without = world.find(), world.find(cache="")

        assert set(with_index.names) == set(without.names)
        assert with_index.plugins == without.plugins
        assert with_index.names == without.names


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_each_file_that_decides_about_a_plugin_may_be_edited(
    edit: Callable[[Path], None],
) -> None:
    with _folder() as folder:
        names = {path.name for path in World(folder / "model").files()}
        assert names >= {"lockgate.toml", "entry_points.txt", "RECORD", "METADATA"}
        for name in sorted(names):
            world = World(folder / name)
            for path in world.files():
                if path.name == name:
                    edit(path)

            assert world.find().plugins == world.find(cache="").plugins, name


def test_a_plugin_that_is_added_to_a_settled_index_is_seen(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.find().index == "used"

    world.site.wheel("late")
    world.kept.install("later", manifest=manifest_text("later", tier='"basic"'))

    found = world.find()
    assert {"late", "later"} < set(found.names)
    assert found.plugins == world.find(cache="").plugins


def test_of_no_folders_no_index_is_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    found = discover([], cache_dir=str(cache))

    assert (found.names, found.index, found.index_file) == ((), "off", "")
    assert not cache.exists()

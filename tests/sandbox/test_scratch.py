"""Removing what a worker left: deep, wide, locked or linked."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lockgate_sandbox._watch.scratch import measure, remove


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scratch"
    made.mkdir()
    return made


def test_a_missing_folder_is_fine(tmp_path: Path) -> None:
    remove(str(tmp_path / "none"))


def test_files_links_and_pipes_go_and_targets_stay(
    folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (folder / "file").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    remove(str(folder))
    assert not folder.exists()
    assert (outside / "kept").read_text() == "x"


def test_a_tree_deeper_than_any_path_goes(folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 5, dir_fd=here)
        inner = os.open("d" * 5, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert measure(str(folder), 1 << 40, 1 << 40)[1] > 1 << 40
    remove(str(folder))
    assert not folder.exists()


def test_a_wide_tree_goes_with_few_descriptors(folder: Path) -> None:
    for index in range(500):
        inner = folder / f"d{index}"
        inner.mkdir()
        (inner / "f").write_text("x")
    assert measure(str(folder), 1 << 40, 10_000)[1] == 1000
    remove(str(folder))
    assert not folder.exists()


def test_locked_folders_go(folder: Path) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "f").write_text("x")
    for path in (inner, folder / "a", folder):
        path.chmod(0)
    remove(str(folder))
    assert not folder.exists()


def test_names_that_look_like_ours_do_not_collide(folder: Path) -> None:
    for index in range(1, 5):
        (folder / f".lockgate-{index}" / "x" / "y").mkdir(parents=True)
    remove(str(folder))
    assert not folder.exists()


def test_use_counts_bytes_and_stops_above_the_limit(folder: Path) -> None:
    (folder / "big").write_bytes(bytes(1 << 20))
    used, inodes = measure(str(folder), 1 << 30, 100)
    assert used >= 1 << 20
    assert inodes == 1
    assert measure(str(folder), 1000, 100)[0] > 1000


def test_two_may_remove_one_tree_at_a_time(tmp_path: Path) -> None:
    folders = [tmp_path / f"t{number}" for number in range(40)]
    for folder in folders:
        for index in range(12):
            inner = folder / f"d{index}" / "e"
            inner.mkdir(parents=True)
            (inner / "f").write_text("x")
    start = threading.Barrier(2)

    def all_of_them() -> None:
        for folder in folders:
            start.wait(30)
            remove(str(folder))

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(all_of_them) for _ in range(2)]:
            future.result(60)
    assert list(tmp_path.iterdir()) == []

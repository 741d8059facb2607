"""Removing what a worker left: deep, wide, locked or linked."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate_sandbox._watch.room import FileRoom
from lockgate_sandbox._watch.sample import Sampler
from lockgate_sandbox._watch.scratch import measure, remove
from lockgate_sandbox.errors import DiskLimitError
from lockgate_sandbox.policy import Policy


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


@contextmanager
def _no_descriptor() -> Generator[None]:
    """Whoever opens a file in here can't."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.dup(0))
        yield
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_has_no_descriptor_blames_nobody(folder: Path) -> None:
    (folder / "small").write_text("x")
    limits = Policy.for_tier("elevated").limits
    small = replace(limits, disk_bytes=1 << 19)
    opened = os.open(folder, os.O_RDONLY)
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        try:
            sampler = Sampler(child.pid, child.pid, limits, str(folder), lambda: 0)
            room = FileRoom(opened, limits.disk_bytes, limits.inodes)
            with _no_descriptor():
                assert sampler.check() is None
                # A warden has some of its own, and lets nothing pass unseen.
                assert room.overflows()
            assert not room.overflows()
            (folder / "large").write_bytes(bytes(1 << 20))
            sampler = Sampler(child.pid, child.pid, small, str(folder), lambda: 0)
            assert isinstance(sampler.check(), DiskLimitError)
        finally:
            child.kill()
            os.close(opened)

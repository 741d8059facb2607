"""The folder that downloads come into is its owner's alone, and does not fill up."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.install import Incoming

WEEK = 7 * 24 * 3600


@pytest.fixture
def incoming(tmp_path: Path) -> Incoming:
    tmp_path.chmod(0o755)
    return Incoming.below(tmp_path / "data")


def put(incoming: Incoming, name: str, *, seconds_ago: float = 0) -> Path:
    path = incoming.place("main", name)
    path.write_bytes(b"x")
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    return path


def test_it_is_its_owners_alone(incoming: Incoming) -> None:
    with incoming.held():
        path = put(incoming, "a.whl")

    for folder in (incoming.folder, path.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_one_that_others_may_write_to_is_refused(incoming: Incoming) -> None:
    """Whoever may write there could swap a file between its hash and its judge."""
    incoming.folder.mkdir(parents=True)
    incoming.folder.chmod(0o777)

    with pytest.raises(FetchError) as caught, incoming.held():
        pass

    assert caught.value.code == "fetch-disk"
    assert "chmod" in caught.value.hint


def test_a_lock_that_is_a_link_is_not_followed(
    incoming: Incoming, tmp_path: Path
) -> None:
    incoming.folder.mkdir(parents=True, mode=0o700)
    (incoming.folder / ".lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FetchError), incoming.held():
        pass

    assert not (tmp_path / "elsewhere").exists()


def test_what_nobody_came_back_for_is_swept(incoming: Incoming) -> None:
    with incoming.held():
        old = put(incoming, ".1.part", seconds_ago=WEEK + 60)
        young = put(incoming, ".2.part", seconds_ago=WEEK - 60)

    with incoming.held():
        assert not old.exists()
        assert young.exists()


def test_what_another_has_in_hands_is_left(incoming: Incoming) -> None:
    with incoming.held():
        path = put(incoming, "a.whl", seconds_ago=2 * WEEK)
        incoming.discard([path])
        with incoming.held():
            assert path.exists()

    incoming.discard([path])
    assert not path.exists()

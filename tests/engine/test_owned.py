"""Files and folders that are nobody's but their owner's."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from pathlib import Path

import pytest

from lockgate.owned import foreign_writer, hold, replace_whole


def is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_it_is_held_until_its_descriptor_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    lock = hold(path)
    assert not is_free(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.close(lock)
    assert is_free(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"):
        hold(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


def test_where_no_file_can_be_made_it_is_an_error(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(OSError, match="No such file"):
        hold(tmp_path / "none" / "lock")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_folder_of_our_own_has_no_foreign_writer(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o700)

    assert foreign_writer(tmp_path / "store") is None


def test_a_folder_that_others_can_write_is_named(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o777)

    found = foreign_writer(store)

    assert found is not None
    assert str(store) in str(found)
    assert "chmod" in found.hint


def test_a_folder_below_one_that_others_can_write_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "open" / "store").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)

    assert "open" in str(foreign_writer(tmp_path / "open" / "store"))


def test_who_writes_alone_takes_away_what_a_killed_writer_left(tmp_path: Path) -> None:
    place = tmp_path / "file"
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
            replace_whole(place, b"half", alone=True)
        os.waitpid(child, 0)
    assert not place.exists()

    replace_whole(place, b"whole", alone=True)

    assert place.read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

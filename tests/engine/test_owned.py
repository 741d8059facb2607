"""A lock file: held alone, given up when its descriptor is closed, and no link."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from lockgate.owned import hold


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

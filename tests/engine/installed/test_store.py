"""The store's folder: whose it is, the next generation, and what crashes leave."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lockgate.installed import Generation, InstalledError, StoreFolder
from lockgate.owned import foreign_writer
from tests.support.stores import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


def test_where_nothing_was_installed_nothing_is_made(tmp_path: Path) -> None:
    store = StoreFolder(str(tmp_path / "data"))

    assert not store.exists
    assert store.read() == Generation(0, "")
    assert store.numbers() == ()
    assert not (tmp_path / "data").exists()


def test_each_commit_is_the_next_generation(kept: Kept) -> None:
    first = kept.install("acme")
    second = kept.install("other")

    assert (first.number, second.number, second.parent) == (1, 2, 1)
    assert [e.distribution for e in kept.store.read().entries] == ["acme", "other"]
    assert [e.distribution for e in kept.store.read(1).entries] == ["acme"]
    assert kept.store.numbers() == (1, 2)


def test_to_switch_goes_back_and_the_next_number_is_new(kept: Kept) -> None:
    kept.install("acme")
    kept.install("other")
    with kept.store.locked():
        kept.store.switch(1)
    third = kept.install("third")

    assert (third.number, third.parent) == (3, 1)
    assert [e.distribution for e in third.entries] == ["acme", "third"]


def test_a_generation_that_is_not_there_is_not_put_in_force(kept: Kept) -> None:
    kept.install("acme")

    with kept.store.locked(), pytest.raises(InstalledError, match="can't be read"):
        kept.store.switch(7)

    assert kept.store.current() == 1


@pytest.mark.parametrize("name", ["", "generations", "wheels"])
@pytest.mark.parametrize("mode", [0o777, 0o772, 0o1777])
def test_a_folder_that_others_may_write_is_refused(
    kept: Kept, name: str, mode: int
) -> None:
    kept.install("acme")
    (kept.root / name).chmod(mode)

    with pytest.raises(InstalledError, match="others may write") as caught:
        kept.store.read()
    with pytest.raises(InstalledError, match="others may write"), kept.store.locked():
        pass

    assert "chmod go-w" in caught.value.hint
    (kept.root / name).chmod(0o755)
    assert kept.store.read().number == 1


def test_a_store_below_a_folder_that_others_may_write_is_refused(
    kept: Kept, tmp_path: Path
) -> None:
    kept.install("acme")
    tmp_path.chmod(0o777)

    with pytest.raises(InstalledError, match=f"others may write to {tmp_path}"):
        kept.store.read()


@pytest.mark.parametrize("file", ["current", "generations/1.json"])
def test_a_file_that_others_may_write_or_that_is_none_is_refused(
    kept: Kept, file: str
) -> None:
    kept.install("acme")
    path = kept.root / file
    path.chmod(0o606)
    with pytest.raises(InstalledError, match="others may write"):
        kept.store.read()

    aside = kept.root / "aside"
    path.chmod(0o600)
    path.rename(aside)
    path.symlink_to(aside)
    with pytest.raises(InstalledError, match="can't be read"):
        kept.store.read()

    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(InstalledError, match="no regular file"):
        kept.store.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away")
def test_a_store_of_another_user_is_refused(kept: Kept) -> None:
    kept.install("acme")
    os.chown(kept.root, 12345, 12345)

    with pytest.raises(InstalledError, match="belongs to another user"):
        kept.store.read()


@pytest.mark.parametrize(
    "content", [b"", b"0\n", b"01\n", b"-1\n", b"1\n2\n", b"x\n", b"9" * 40]
)
def test_a_pointer_that_is_no_number_is_refused(kept: Kept, content: bytes) -> None:
    kept.install("acme")
    (kept.root / "current").write_bytes(content)

    with pytest.raises(InstalledError):
        kept.store.read()


def test_a_file_of_another_generation_is_refused(kept: Kept) -> None:
    kept.install("acme")
    kept.install("other")
    (kept.root / "generations" / "2.json").write_bytes(
        (kept.root / "generations" / "1.json").read_bytes()
    )

    with pytest.raises(InstalledError, match="of the generation 1"):
        kept.store.read()


def test_what_a_killed_writer_left_is_swept(kept: Kept) -> None:
    kept.install("acme")
    for left in (".current.77.new", "generations/.2.json.77.new"):
        (kept.root / left).write_text("{")

    kept.install("other")

    assert [p.name for p in kept.root.rglob("*.new")] == []


def test_a_generation_without_a_switch_was_never_in_force(kept: Kept) -> None:
    kept.install("acme")
    made = kept.install("other")
    with kept.store.locked():
        kept.store.switch(1)  # as after a kill between the two

    third = kept.install("third")

    assert made.number == 2
    assert (third.number, third.parent) == (3, 1)
    assert [e.distribution for e in third.entries] == ["acme", "third"]


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_the_umask_decides_nothing(kept: Kept, umask: int) -> None:
    before = os.umask(umask)
    try:
        kept.commit()
    finally:
        os.umask(before)

    assert kept.data.stat().st_mode & 0o777 == 0o755
    assert (kept.root / "generations").stat().st_mode & 0o777 == 0o755
    assert (kept.root / "current").stat().st_mode & 0o777 == 0o600


def test_a_folder_half_made_is_opened(kept: Kept) -> None:
    kept.root.mkdir(parents=True, mode=0o700)
    kept.root.chmod(0o700)

    kept.install("acme")

    assert kept.root.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_group_of_ones_own_is_nobody_else() -> None:
    folder = tempfile.mkdtemp(prefix="lockgate-test-")  # below no folder of root's
    code = (
        "import grp, os, pwd, sys\n"
        "user = next(u for u in pwd.getpwall() if u.pw_uid and any(\n"
        "    g.gr_gid == u.pw_gid and g.gr_name == u.pw_name and not g.gr_mem\n"
        "    for g in grp.getgrall()))\n"
        "folder = sys.argv[1]\n"
        "os.chown(folder, user.pw_uid, user.pw_gid); os.chmod(folder, 0o775)\n"
        "from pathlib import Path\n"
        "from lockgate.owned import foreign_writer\n"
        "import pwd\n"
        "os.seteuid(user.pw_uid)\n"
        "print(foreign_writer(Path(folder), above=False))\n"
        "os.seteuid(0); os.chown(folder, user.pw_uid, 0); os.seteuid(user.pw_uid)\n"
        "print(foreign_writer(Path(folder), above=False))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    os.rmdir(folder)  # noqa: PTH106

    assert done.stdout.splitlines() == ["None", f"others may write to {folder}"], (
        done.stderr
    )


def test_a_folder_of_our_own_is_nobodys_else(tmp_path: Path) -> None:
    assert foreign_writer(tmp_path) is None


def test_who_reads_while_another_switches_and_collects_reads_what_is_in_force(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept.install("acme")
    numbered = StoreFolder._numbered  # pyright: ignore[reportPrivateUsage]

    def late(store: StoreFolder, number: int) -> Generation:
        monkeypatch.undo()  # the pointer was read, and the generation was not yet
        kept.install("other")
        Path(kept.store.file(first.number)).unlink()
        return numbered(store, number)

    monkeypatch.setattr(StoreFolder, "_numbered", late)

    assert [e.distribution for e in kept.store.read().entries] == ["acme", "other"]

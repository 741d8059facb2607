"""Unpacking: a fresh folder, read-only files, nothing left of a failure."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate_marketplace.wheel import Member, Wheel, WheelName, judge, unpack
from tests.support.wheels import Draft, forge, wheel_filename

NAME = WheelName.parse(wheel_filename("evil"))


def wheel_of(**files: str) -> Wheel:
    return judge(
        forge("evil", files={f"evil/{k}.py": v for k, v in files.items()}), NAME
    )


def modes(folder: Path) -> dict[str, str]:
    found = [folder, *folder.rglob("*")]
    return {
        str(p.relative_to(folder)): f"{p.lstat().st_mode & 0o7777:o}" for p in found
    }


def test_files_are_read_only_and_executables_stay_so(tmp_path: Path) -> None:
    draft = Draft("evil")
    draft.add("evil/__init__.py", "x = 1\n", mode=0o100666)
    draft.add("evil/tool", "#!/bin/sh\n", mode=0o100755)
    draft.add("evil-1.0.data/scripts/run", "#!/bin/sh\n", mode=0o100644)
    wheel = judge(draft.seal().pack(), NAME)
    mask = os.umask(0o077)
    try:
        unpack(wheel, tmp_path / "out")
    finally:
        os.umask(mask)

    found = modes(tmp_path / "out")
    assert found["."] == found["site"] == found["site/evil"] == found["bin"] == "755"
    assert found["site/evil/__init__.py"] == "444"
    assert found["site/evil/tool"] == found["bin/run"] == "555"


def test_every_member_is_there_and_nothing_else(tmp_path: Path) -> None:
    wheel = wheel_of(a="a = 1\n", b="b = 2\n" * 300_000, c="")
    unpack(wheel, tmp_path / "out")

    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert {str(p.relative_to(tmp_path / "out")) for p in files} == {
        f"{member.area}/{member.path}" for member in wheel.members
    }
    for member in wheel.members:
        path = tmp_path / "out" / member.area / member.path
        assert path.read_bytes() == wheel.read(member)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for name in ("out", "link"):
        with pytest.raises(FileExistsError):
            unpack(wheel_of(a=""), tmp_path / name)

    assert (tmp_path / "out" / "mine").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """The disk's limit is real: RLIMIT_FSIZE makes the large file's write fail."""
    wheel = wheel_of(a="a = 1\n", b="b" * 3_000_000, c="c = 1\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            unpack(wheel, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)

    assert list(tmp_path.iterdir()) == []


def test_a_link_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """Somebody who can write to the folder races the writer, at the worst moment."""
    wheel = wheel_of(a="a = 1\n", z="z = 1\n")
    (tmp_path / "victim").write_text("precious")

    class Racing:
        """The wheel, with a link laid whenever a file is about to be read."""

        members = wheel.members

        def pieces(self, member: Member) -> list[bytes]:
            folder = tmp_path / "out" / "site" / "evil"
            if folder.is_dir() and not (folder / "z.py").is_symlink():
                (folder / "z.py").symlink_to(tmp_path / "victim")
            return [wheel.read(member)]

    with pytest.raises(FileExistsError):
        unpack(Racing(), tmp_path / "out")  # type: ignore[arg-type]

    assert (tmp_path / "victim").read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["victim"]


def test_what_is_unpacked_can_be_imported(tmp_path: Path) -> None:
    unpack(wheel_of(__init__="x = 42\n"), tmp_path / "out")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'out/site')!r}); "
    program += "import evil, importlib.metadata as m; print(evil.x, m.version('evil'))"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "42 1.0\n"

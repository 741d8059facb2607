"""The file as such: read once, a plain file, the one that was asked for."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Limits, WheelName, open_wheel, unpack
from tests.support.wheels import forge, forge_file, wheel_filename

NAME = wheel_filename("evil")


def code_of(path: Path, **how: object) -> str:
    with pytest.raises(WheelError) as refused:
        open_wheel(path, **how)  # type: ignore[arg-type]
    assert refused.value.hint
    return refused.value.code


def test_a_sound_wheel_says_what_it_is(tmp_path: Path) -> None:
    path = forge_file(tmp_path, "Lockgate.Echo", "1.2", manifest=True, requires=["six"])

    wheel = open_wheel(path)

    assert (wheel.name, wheel.version) == ("lockgate-echo", "1.2")
    assert wheel.filename == path.name
    assert wheel.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert wheel.size == path.stat().st_size
    assert wheel.requires_dist == ("six",)
    assert wheel.manifest is not None
    assert wheel.modules == {"lockgate_echo"}
    for member in wheel.members:
        body = wheel.read(member)
        assert len(body) == member.size
        assert hashlib.sha256(body).hexdigest() == member.sha256


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    assert code_of(tmp_path / NAME) == "wheel-unreadable"
    (tmp_path / NAME).unlink()
    assert code_of(tmp_path / NAME) == "wheel-unreadable"
    (tmp_path / NAME).mkdir()
    assert code_of(tmp_path / NAME) == "wheel-unreadable"
    name = WheelName.parse(NAME)
    assert code_of(Path("/dev/zero"), expect=name) == "wheel-unreadable"
    assert code_of(Path("/proc/self/mem"), expect=name) != ""
    assert code_of(Path("a\0b"), expect=name) == "wheel-unreadable"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / NAME).open("wb") as file:
        file.truncate(2**40)

    assert code_of(tmp_path / NAME) == "wheel-too-large"
    assert code_of(tmp_path / NAME, limits=Limits(wheel_bytes=5)) == "wheel-too-large"


@pytest.mark.parametrize("size", [0, 1, 21, 22, 100])
def test_a_file_of_zeros_is_no_wheel(tmp_path: Path, size: int) -> None:
    (tmp_path / NAME).write_bytes(bytes(size))

    assert code_of(tmp_path / NAME) == "wheel-zip-none"


def test_the_file_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    path = forge_file(tmp_path, "evil")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    assert open_wheel(path, sha256=digest.upper()).sha256 == digest
    assert code_of(path, sha256="0" * 64) == "wheel-hash"


def test_another_name_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "download.part"
    path.write_bytes(forge("evil"))

    assert code_of(path) == "wheel-filename"
    assert open_wheel(path, expect=WheelName.parse(NAME)).name == "evil"
    other = WheelName.parse(wheel_filename("victim"))
    assert code_of(path, expect=other) == "wheel-dist-info-name"


def test_what_was_judged_is_what_is_unpacked(tmp_path: Path) -> None:
    """The file is exchanged, cut and deleted behind the gate's back."""
    path = forge_file(tmp_path, "evil", files={"evil/__init__.py": "judged = 1\n"})
    wheel = open_wheel(path)

    path.write_bytes(forge("evil", files={"evil/__init__.py": "judged = 0\n"}))
    unpack(wheel, tmp_path / "one")
    os.truncate(path, 10)
    unpack(wheel, tmp_path / "two")
    path.unlink()
    unpack(wheel, tmp_path / "three")

    for folder in ("one", "two", "three"):
        text = (tmp_path / folder / "site/evil/__init__.py").read_text()
        assert text == "judged = 1\n"


def test_a_file_that_is_exchanged_while_it_is_read_is_whole_or_refused(
    tmp_path: Path,
) -> None:
    """Two sound wheels take each other's place all the time; no mixture passes."""
    bodies = ["a = 1\n" * 9_000, "b = 2\n" * 9_000]
    raws = [forge("evil", files={"evil/__init__.py": b}, deflate=False) for b in bodies]
    path = tmp_path / NAME
    path.write_bytes(raws[0])
    done = threading.Event()

    def exchange() -> None:
        number = 0
        with path.open("r+b", buffering=0) as file:
            while not done.is_set():
                number += 1
                file.seek(0)
                file.write(raws[number % 2])

    writer = threading.Thread(target=exchange)
    writer.start()
    try:
        seen: set[str] = set()
        for _ in range(200):
            try:
                wheel = open_wheel(path)
            except WheelError as refused:
                seen.add(refused.code)
            else:
                (member,) = [m for m in wheel.members if m.path == "evil/__init__.py"]
                assert wheel.read(member).decode() in bodies
    finally:
        done.set()
        writer.join()

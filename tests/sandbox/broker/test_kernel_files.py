"""Files of the kernel through the broker: only where a grant names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import PathGrant
from lockgate_sandbox.broker import _files
from lockgate_sandbox.linux._libc import syscall
from tests.sandbox.broker.asking import OPEN
from tests.sandbox.broker.conftest import MakeBench

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("granted", ["/", "/proc", f"/proc/{os.getpid()}"])
@pytest.mark.parametrize("name", ["environ", "maps", "mem"])
def test_the_hosts_own_process_is_never_read(
    bench: MakeBench, granted: str, name: str
) -> None:
    at = bench(files=[PathGrant(granted)])
    kind, text = at.run(OPEN, path=f"/proc/{os.getpid()}/{name}", mode="rb")
    assert kind == "PermissionError"
    assert "files of processes" in text
    assert len(at.denials()) == 1


def test_files_of_the_kernel_need_a_grant_that_names_them(bench: MakeBench) -> None:
    path = "/proc/sys/kernel/ostype"
    at = bench(files=[PathGrant("/")])
    assert at.run(OPEN, path=path, mode="r")[0] == "PermissionError"
    assert at.run(OPEN, path="/sys/kernel/notes", mode="rb")[0] == "PermissionError"
    at = bench(files=[PathGrant(path)])
    assert at.run(OPEN, path=path, mode="r") == "Linux\n"


@pytest.fixture
def processes(place: Path) -> Iterator[Path]:
    """The kernel's processes, mounted below the granted folder, as in a chroot."""
    folder = place / "proc"
    folder.mkdir()
    try:
        syscall("mount", b"proc", os.fsencode(folder), b"proc", 0, 0)
    except OSError as error:
        pytest.skip(f"mounting needs root: {error.strerror}")
    yield folder
    syscall("umount2", os.fsencode(folder), 2)  # MNT_DETACH


def test_the_kernels_files_are_refused_wherever_they_are(
    bench: MakeBench, place: Path, processes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = bench(files=[PathGrant(str(place), write=True)])
    own = str(processes / str(os.getpid()) / "environ")
    setting = str(processes / "sys/kernel/core_pattern")
    for path, mode in ((own, "rb"), (setting, "r+")):
        kind, text = at.run(OPEN, path=path, mode=mode, data="")
        assert (kind, "the kernel's own" in text) == ("PermissionError", True)
    monkeypatch.setattr(_files, "is_of_the_kernel", lambda _: False)  # pyright: ignore
    assert at.run(OPEN, path=own, mode="rb") == Path("/proc/self/environ").read_bytes()

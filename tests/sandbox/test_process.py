"""The host's hold on one child: which process it is, by the kernel's word."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from typing import NoReturn

import pytest

from lockgate_sandbox._line import process
from lockgate_sandbox._line.process import pids_of


@pytest.fixture
def child() -> Generator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(argv) as made:
        yield made
        made.kill()


@pytest.mark.parametrize("kernel", ["of today", "before 6.13"])
def test_a_pidfd_tells_its_pid(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError

    if kernel != "of today":
        monkeypatch.setattr(fcntl, "ioctl", refuse)
    fd = os.pidfd_open(child.pid)
    try:
        assert process._pid_of(fd) == child.pid  # pyright: ignore[reportPrivateUsage]
        assert pids_of(fd) in ((child.pid, os.getpid()), (0, 0))
        child.kill()
        child.wait()
        assert process._pid_of(fd) == -1  # pyright: ignore[reportPrivateUsage]
        assert pids_of(fd) == (0, 0)
    finally:
        os.close(fd)


def test_what_is_no_process_has_no_pid() -> None:
    fd = os.open(os.devnull, os.O_RDONLY)
    try:
        assert pids_of(fd) == (0, 0)
    finally:
        os.close(fd)

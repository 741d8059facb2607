"""The host's hold on one child: which process it is, by the kernel's word."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Generator
from typing import NoReturn

import pytest

from lockgate_sandbox._line import process
from lockgate_sandbox._line.process import pids_of
from lockgate_sandbox._watch.sample import Sampler
from lockgate_sandbox._watch.tree import cpu_clock
from lockgate_sandbox.policy import Policy


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
        gone = process._pid_of(fd)  # pyright: ignore[reportPrivateUsage]
        assert pids_of(fd) == (0, 0)
        _is_nobody(gone)
    finally:
        os.close(fd)


def _is_nobody(pid: int) -> None:
    """No call of the kernel's takes it for a process, least of all for our own."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)  # -1 would be whoever can be reached, 0 the group
    with pytest.raises(OSError, match="Invalid argument"):
        time.clock_gettime(cpu_clock(pid))  # of -1 and 0 it is the caller's
    sampler = Sampler(pid, pid, Policy.for_tier("basic").limits, None, lambda: 0)
    assert sampler.check() is None


def test_what_is_no_process_has_no_pid() -> None:
    fd = os.open(os.devnull, os.O_RDONLY)
    try:
        assert pids_of(fd) == (0, 0)
    finally:
        os.close(fd)

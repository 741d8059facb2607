"""A tree that is stopped for the moment of a look: wholly, and never for longer."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockgate_sandbox._watch import tree
from lockgate_sandbox._watch.still import Still
from lockgate_sandbox._watch.tree import children
from tests.support.sandbox import wait_until


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def _two_sleepers() -> Generator[int]:
    """The pid of a shell with two children that sleep."""
    argv = ["sh", "-c", "sleep 5 & sleep 5 & wait"]
    with subprocess.Popen(argv, start_new_session=True) as parent:
        try:
            assert wait_until(lambda: len(children(parent.pid)) == 2)
            yield parent.pid
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_what_had_stopped_before_a_look_stays_stopped() -> None:
    with _two_sleepers() as parent:
        one, other = children(parent)
        os.kill(one, signal.SIGSTOP)
        assert wait_until(lambda: _state(one) == "T")
        with Still(parent):
            assert _state(one) == _state(other) == "T"
        assert wait_until(lambda: _state(other) == "S")
        assert _state(one) == "T"


def test_whoever_looked_lets_go_on_without_a_descriptor() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with _two_sleepers() as parent:
        sleepers = children(parent)
        look = Still(parent)
        assert look.__enter__()
        assert [_state(pid) for pid in sleepers] == ["T", "T"]
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                os.pidfd_open(parent)
            look.__exit__()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert wait_until(lambda: [_state(pid) for pid in sleepers] == ["S", "S"])


def test_a_look_that_breaks_off_leaves_nobody_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _two_sleepers() as parent:
        sleepers = children(parent)
        found = iter([sleepers])
        monkeypatch.setattr(tree, "descendants", lambda _: next(found))  # pyright: ignore
        with pytest.raises(StopIteration), Still(parent):
            pass
        assert wait_until(lambda: [_state(pid) for pid in sleepers] == ["S", "S"])

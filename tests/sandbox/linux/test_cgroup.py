"""Control groups: made, limited, emptied and removed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lockgate_sandbox.linux import cgroup

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def parents() -> list[tuple[str, str]]:
    found, reason = cgroup.find_parents()
    if len(found) < len(cgroup.CONTROLLERS):
        pytest.skip(f"no cgroup can be made here: {reason}")
    return found


def left_over() -> list[Path]:
    return list(Path("/sys/fs/cgroup").rglob(f"lockgate-{os.getpid()}-*"))


def test_looking_for_parents_leaves_nothing_behind() -> None:
    found, reason = cgroup.find_parents()

    assert left_over() == []
    assert reason or {name for name, _ in found} == set(cgroup.CONTROLLERS)


def test_a_group_bounds_the_number_of_processes(parents: list[tuple[str, str]]) -> None:
    with cgroup.open_group(parents, processes=3, memory_bytes=64 << 20) as group:
        code = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"
        held = subprocess.Popen(
            ["/bin/sh", "-c", f"read go; {code}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        group.add(held.pid)
        assert held.stdin is not None
        held.stdin.write("go\n")
        held.stdin.close()
        assert held.stderr is not None
        assert "fork" in held.stderr.readline().lower()
        assert len(group.processes()) <= 3
        assert group.refused_processes() > 0
        group.kill()
        held.stderr.close()
        held.wait(10)
    assert left_over() == []


def test_closing_kills_what_is_inside(parents: list[tuple[str, str]]) -> None:
    group = cgroup.open_group(parents, processes=9, memory_bytes=64 << 20)
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    group.add(sleeper.pid)
    assert group.processes() == [sleeper.pid]
    assert group.memory_bytes() >= 0

    # Reaped from elsewhere, as the keeper does: a zombie still counts.
    group.kill()
    assert sleeper.wait(10) == -signal.SIGKILL
    group.close()
    group.close()

    assert left_over() == []


def test_a_forked_child_joins_by_itself(parents: list[tuple[str, str]]) -> None:
    with cgroup.open_group(parents, processes=4, memory_bytes=64 << 20) as group:
        pid = os.fork()
        if not pid:
            cgroup.join(group.folders)
            signal.pause()
            os._exit(0)
        until = time.monotonic() + 10
        while group.processes() != [pid] and time.monotonic() < until:
            time.sleep(0.01)
        assert group.processes() == [pid]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_group_that_cannot_be_limited_is_not_left_behind(
    parents: list[tuple[str, str]],
) -> None:
    with pytest.raises(OSError, match=r"Invalid|argument|range"):
        cgroup.open_group(parents, processes=-5, memory_bytes=64 << 20)

    assert left_over() == []

"""Signals go to the process that was looked at, never to the next of its number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate_sandbox._watch import tree

pytestmark = pytest.mark.kernel

_NAP = [sys.executable, "-c", "import time; time.sleep(60)"]


def _killed(pid: int) -> bool:
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_a_child_is_ended_and_somebody_elses_is_not() -> None:
    with subprocess.Popen(_NAP) as nap:
        assert not tree.end(nap.pid, {1})  # the number is now a stranger's
        assert nap.poll() is None
        assert tree.end(nap.pid, {os.getpid()})
        assert nap.wait() == -signal.SIGKILL
    assert not tree.end(nap.pid, {os.getpid()})


def test_a_number_that_is_used_again_between_look_and_signal_is_not_hit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel gives the very number out again while the killer looks."""
    try:
        Path("/proc/sys/kernel/ns_last_pid").open("r+").close()
    except OSError:
        pytest.skip("this machine does not let a number be chosen")
    victim = subprocess.Popen(_NAP)
    again: list[int] = []
    look = tree.parent_of

    def slowly(pid: int) -> int:
        if not again:
            victim.kill()
            victim.wait()
            again.append(_spawn_as(pid))
        return look(pid)

    monkeypatch.setattr(tree, "parent_of", slowly)
    assert not tree.end(victim.pid, {os.getpid()})
    stranger = again[0]
    try:
        assert stranger == victim.pid
        assert os.waitpid(stranger, os.WNOHANG) == (0, 0)  # it lives
    finally:
        os.kill(stranger, signal.SIGKILL)
        assert _killed(stranger)


def _spawn_as(pid: int) -> int:
    """A new child that has this number; the kernel counts up from the last one."""
    until = time.monotonic() + 20
    while True:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        child = os.posix_spawn(_NAP[0], _NAP, os.environ)
        if child == pid or time.monotonic() > until:
            return child
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


_GENERATIONS = """
import os, time
from lockgate_sandbox._watch import tree
from lockgate_sandbox.linux._libc import prctl
prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
me = os.getpid()
read, write = os.pipe()
for _ in range(100):
    if os.fork():
        if os.getpid() != me:
            time.sleep(600)
        break
else:
    os.write(write, b"x")
    time.sleep(600)
os.read(read, 1)
found = tree.descendants(me)
tree.kill_descendants()
dead = []
while len(dead) < len(found):
    dead += tree.reap(block=True)
print(len(found), {item[1] for item in dead}, tree.children(me))
"""


def test_a_tree_of_many_generations_ends_whole() -> None:
    """As a warden ends it: from above, orphans come back to it."""
    done = subprocess.run(
        [sys.executable, "-c", _GENERATIONS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "100 {9} []\n"

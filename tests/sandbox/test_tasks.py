"""Counting processes by asking the warden, where no limit of the kernel's counts.

The layers that would count are switched off, which leaves what root has in a
container without a uid to take and without control groups.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate_sandbox import Policy, Program, Tier
from lockgate_sandbox._watch import tasks
from tests.support.sandbox import Lab, goes_past, policy, run

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="only uid 0 escapes RLIMIT_NPROC"),
]

LIMIT = 16

_UNCOUNTED = ("uid", "user-namespace", "cgroup")


def programs() -> Policy:
    plain = Policy.for_tier(Tier.ELEVATED, programs=[Program("true", "/bin/true")])
    return replace(plain, limits=replace(plain.limits, processes=LIMIT))


@pytest.fixture
def uncounted(lab_without: Callable[..., Lab]) -> Lab:
    return lab_without(*_UNCOUNTED)


_CHILDREN = """
    import os, signal
    made, problem = [], ""
    try:
        while len(made) < 100:
            pid = os.fork()
            if not pid:
                signal.pause()
                os._exit(0)
            made.append(pid)
    except OSError as error:
        problem = error.strerror
    for pid in made:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    result = [len(made), problem]
"""


def test_the_posture_says_who_counts(uncounted: Lab) -> None:
    with uncounted.worker(programs()) as worker:
        layer = worker.posture["process-limit"]
    assert layer.state == "active"
    assert "warden" in layer.detail


def test_children_stop_at_the_limit_and_may_be_replaced(uncounted: Lab) -> None:
    expected = [LIMIT - 1, os.strerror(11)]
    with uncounted.worker(programs()) as worker:
        assert run(worker, _CHILDREN) == expected
        assert run(worker, _CHILDREN) == expected


def test_threads_and_orphans_count_too(uncounted: Lab) -> None:
    code = """
        import os, threading, time
        done = threading.Event()
        def orphan():
            pid = os.fork()
            if not pid:
                if not os.fork():
                    os.setsid()
                    time.sleep(600)
                os._exit(0)
            os.waitpid(pid, 0)
        for _ in range(5):
            orphan()
        made = []
        try:
            while len(made) < 100:
                thread = threading.Thread(target=done.wait, daemon=True)
                thread.start()
                made.append(thread)
        except RuntimeError:
            pass
        done.set()
        result = len(made)
    """
    with uncounted.worker(programs()) as worker:
        assert run(worker, code) == LIMIT - 1 - 5


def test_many_at_once_do_not_get_past_the_limit(uncounted: Lab) -> None:
    code = """
        import os, signal, time
        reader, writer = os.pipe()
        def spread(depth):
            for _ in range(4):
                try:
                    if not os.fork():
                        os.write(writer, b".")
                        if depth:
                            spread(depth - 1)
                        time.sleep(600)
                except OSError:
                    pass
        spread(3)
        time.sleep(0.5)
        os.write(writer, b".")
        result = len(os.read(reader, 1000)) - 1
    """
    with uncounted.worker(programs()) as worker:
        assert run(worker, code) == LIMIT - 1


def test_a_quick_succession_of_programs_runs(uncounted: Lab) -> None:
    code = """
        import subprocess
        for _ in range(4 * limit):
            subprocess.run(["/bin/true"], check=True)
        result = True
    """
    with uncounted.worker(programs()) as worker:
        assert run(worker, code, limit=LIMIT) is True


def test_the_bomb_goes_off_when_nobody_counts(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without(*_UNCOUNTED, "process-limit")
    given = programs()
    # The host's own look at the tree would end it: at its number or its memory.
    limits = replace(given.limits, processes=10_000, memory_bytes=8 << 30)
    given = replace(given, limits=limits)
    with lab.worker(given) as worker:
        assert run(worker, _CHILDREN) == [100, ""]


def test_a_worker_keeps_no_way_to_its_warden(uncounted: Lab) -> None:
    code = """
        import os
        found = []
        for fd in range(200):
            try:
                os.fstat(fd)
            except OSError:
                continue
            found.append(fd)
        result = len(found)
    """
    with uncounted.worker(programs()) as worker:
        assert run(worker, code) == 4  # the standard ones and the channel


_LOOKS = """
import os, resource, sys
from lockgate_sandbox._watch import tasks
tasks._PATIENCE_SECONDS = 0.2
child = os.fork()
if not child:
    os.read(0, 1)
    os._exit(0)
room = tasks.TaskRoom(8)
print(room.ask(child), room.ask(os.getppid()))
limit = os.open("/", os.O_RDONLY) + 1
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
print(room.ask(child))
"""


def test_a_room_that_can_not_look_has_none() -> None:
    """Who asks is below it, so a look that does not find him has found nothing."""
    done = subprocess.run(
        [sys.executable, "-c", _LOOKS],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0", str(errno.EAGAIN), str(errno.EAGAIN)]


def _busy(seconds: float = 1.0) -> float:
    """The part of its time that a room is busy which has to refuse all the time."""
    room = tasks.TaskRoom(0)
    began, until = time.thread_time(), time.monotonic() + seconds
    while time.monotonic() < until:
        assert room.ask(os.getpid()) == errno.EAGAIN
    return (time.thread_time() - began) / seconds


def test_who_is_refused_and_asks_again_keeps_its_warden_a_tenth_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as below:
        quiet = _busy()
        monkeypatch.setattr(tasks, "_REST", 0)
        busy = _busy()
        below.kill()
    assert quiet < 0.2
    assert busy > 2 * quiet


_THREADS = """
    import threading, time
    done = threading.Event()
    made = []
    try:
        for _ in range(40):
            thread = threading.Thread(target=done.wait)
            thread.start()
            made.append(thread)
    except RuntimeError:
        pass
    done.set()
    for thread in made:
        thread.join()
    time.sleep(0.05)  # joined, it has still to end for the kernel
    result = len(made)
"""


def test_threads_count_where_nothing_may_be_written(
    lab_without: Callable[..., Lab],
) -> None:
    held = policy(Tier.READ_ONLY, limits={"processes": LIMIT})
    with lab_without(*_UNCOUNTED).worker(held) as worker:
        assert "warden" in worker.posture["process-limit"].detail
        assert run(worker, _THREADS) == LIMIT - 1
        assert run(worker, _THREADS) == LIMIT - 1  # those that ended made room

    free = lab_without(*_UNCOUNTED, "process-limit")
    assert goes_past(free, held, _THREADS, 40)


def test_threads_count_where_a_grant_keeps_the_worker_at_root(
    lab: Lab, lab_without: Callable[..., Lab], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    plain = policy(Tier.ELEVATED, limits={"processes": LIMIT})
    held = replace(plain, write=(str(tmp_path),))
    with lab.worker(held) as worker:
        assert worker.posture["uid"].state != "active"
        assert worker.posture["process-limit"].state == "active"
        assert run(worker, _THREADS) == LIMIT - 1

    assert goes_past(lab_without("process-limit"), held, _THREADS, 40)

"""The warden that counts files: dead, interrupted, asked in vain, in a container."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable
from typing import cast

import pytest

from lockgate_sandbox import (
    InodeLimitError,
    ProcessLimitError,
    RemoteError,
    SandboxError,
)
from tests.sandbox.roomy import START, programs, small
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import Lab, alive, goes_past, parent_of, run, wait_until

pytestmark = pytest.mark.kernel


def test_nobody_waits_for_a_warden_that_is_dead(unmounted: Lab) -> None:
    code = """
        pid = os.getpid()
        while True:
            try:
                os.mkdir("d")
                os.rmdir("d")
            except OSError:
                pass
    """
    with unmounted.worker(small(wall_seconds=30)) as worker:
        warden = parent_of(worker.pid)
        os.kill(warden, signal.SIGSTOP)
        started = time.monotonic()

        def end() -> None:
            os.kill(warden, signal.SIGKILL)

        timer = threading.Timer(0.5, end)
        timer.start()
        with pytest.raises(SandboxError):
            run(worker, START + textwrap.dedent(code))
        assert time.monotonic() - started < 20
        timer.join()
        assert wait_until(lambda: not alive(worker.pid))


def test_signals_interrupt_nothing_for_long(unmounted: Lab) -> None:
    code = """
        import signal
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        made = failed = 0
        while made < 200 or len(seen) < 200:
            try:
                os.mkdir("d")
                made += 1
                os.rmdir("d")
            except InterruptedError:
                failed += 1
            except FileExistsError:
                os.rmdir("d")
        signal.setitimer(signal.ITIMER_REAL, 0)
        result = [made, failed, len(seen)]
    """
    # A signal that comes while the warden has not answered yet gives EINTR, as on any
    # slow file system. How many do depends on the machine; that calls get through
    # between two of them does not, and the wall limit ends a worker whose never do.
    made, _, seen = cast(
        "list[int]", unmounted.run(small(), START + textwrap.dedent(code))
    )
    assert made >= 200
    assert seen >= 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only uid 0 escapes RLIMIT_NPROC")
def test_one_warden_answers_both_questions(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("mount-namespace", "uid", "user-namespace", "cgroup")
    forks = """
        import signal
        for _ in range(100):
            if not os.fork():
                signal.pause()
                os._exit(0)
    """
    given = programs(processes=16)
    with lab.worker(given) as worker:
        assert "warden" in worker.posture["process-limit"].detail
        assert "warden" in worker.posture["scratch"].detail
        with pytest.raises(InodeLimitError):
            run(worker, START + "for n in range(99): open(str(n), 'w').close()")
        with pytest.raises(ProcessLimitError):
            run(worker, START + textwrap.dedent(forks))


def test_a_program_that_fails_at_the_limit_is_told_by_the_warden(
    unmounted: Lab,
) -> None:
    with pytest.raises(InodeLimitError) as caught:
        unmounted.sandbox.run_program(
            programs(),
            ["sh", "-c", "for n in $(seq 200); do : >$n; done"],
            executable=["/bin", "/usr/bin"],
        )
    assert not caught.value.claimed


_SCRIPT = """
import os
os.chdir(os.environ["TMPDIR"])
try:
    for n in range(1000):
        open(str(n), "w").close()
finally:
    print(len(os.listdir(".")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_an_ordinary_user_in_a_container_is_counted_too(base: Base) -> None:
    argv = ["-m", "lockgate_sandbox", "run", "--inodes=50", "script.py"]
    done = run_as_ordinary(base, argv, {"script.py": _SCRIPT}, container=True)
    assert done.stdout == "50\n", done.stderr
    assert "[inode-limit]" in done.stderr


_THREADS = """
import os, threading, time
threading.stack_size(1 << 15)
started = 1
try:
    while started < 400:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
os.write(1, b"%d" % started)
os._exit(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_threads_of_an_ordinary_user_in_a_container_are_counted_too(base: Base) -> None:
    argv = ["-m", "lockgate_sandbox", "run", "--tier=basic", "--pids=20"]
    done = run_as_ordinary(
        base, [*argv, "threads.py"], {"threads.py": _THREADS}, container=True
    )
    assert done.stdout == "20", done.stderr


def test_threads_go_on_without_end_when_nobody_counts(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("mount-namespace", "process-limit", "cgroup")
    code = _THREADS.replace('os.write(1, b"%d" % started)', "result = started")
    code = code.replace("os._exit(0)", "")
    assert goes_past(lab, small(processes=20), code, 400)


def test_a_refused_path_is_still_refused(unmounted: Lab) -> None:
    with pytest.raises(RemoteError, match="Permission denied"):
        unmounted.run(small(), "open('/tmp/outside', 'w')")

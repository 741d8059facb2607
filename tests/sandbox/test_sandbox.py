"""A sandbox's life: its processes, its folder, and what it does to its host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Policy,
    PolicyError,
    Program,
    Sandbox,
    SandboxError,
    Tier,
    WorkerDiedError,
)
from lockgate_sandbox._start.spares import Forked, fork
from lockgate_sandbox._watch.tree import children
from tests.support.sandbox import (
    Lab,
    alive,
    open_folder,
    outside,
    parent_of,
    policy,
    run,
    wait_until,
)

pytestmark = pytest.mark.kernel


def _family(lab: Lab) -> tuple[int, int]:
    """The pids of keeper and zygote."""
    with lab.worker(policy()) as worker:
        zygote = parent_of(worker.pid)
        return parent_of(zygote), zygote


def test_the_host_gets_no_child_of_its_own(lab: Lab) -> None:
    before = set(children(os.getpid()))
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        keeper, _ = _family(mine)
        assert set(children(os.getpid())) == before
        assert parent_of(keeper) != os.getpid()


def test_sigchld_handlers_of_the_host_are_left_alone() -> None:
    calls: list[int] = []

    def count(number: int, _frame: object) -> None:
        calls.append(number)

    previous = signal.signal(signal.SIGCHLD, count)
    try:
        with open_folder() as folder, Sandbox.open() as sandbox:
            calls.clear()  # the launcher's own end
            mine = Lab(sandbox, folder)
            for _ in range(3):
                mine.run(policy(), "result = 1")
            with pytest.raises(WorkerDiedError):
                mine.run(policy(), "import os; os._exit(1)")
        assert calls == []
    finally:
        signal.signal(signal.SIGCHLD, previous)


def test_close_ends_every_process_and_removes_every_file() -> None:
    with open_folder() as folder:
        sandbox = Sandbox.open()
        mine = Lab(sandbox, folder)
        keeper, zygote = _family(mine)
        worker = mine.worker(policy(Tier.BASIC))
        scratch = run(worker, "result = str(session.scratch)")
        base = Path(str(scratch)).parent
        assert base.is_dir()
        sandbox.close()
        sandbox.close()
        pids = (keeper, zygote, worker.pid)
        assert wait_until(lambda: not any(alive(pid) for pid in pids))
        assert not base.exists()
        with pytest.raises(ClosedError):
            mine.worker(policy())
        with pytest.raises(ClosedError):
            run(worker, "result = 1")


def test_an_unclosed_sandbox_dies_with_its_host_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    with open_folder() as folder:
        script = f"""
            import os, sys, threading
            sys.path.insert(0, {str(Path.cwd())!r})
            from lockgate_sandbox import Sandbox
            from tests.support.sandbox import Lab, policy, run
            from tests.support.sandbox import parent_of
            from pathlib import Path
            lab = Lab(Sandbox.open(), Path({str(folder)!r}))
            worker = lab.worker(policy("basic"))
            zygote = parent_of(worker.pid)
            base = os.path.dirname(run(worker, "result = str(session.scratch)"))
            print(worker.pid, zygote, parent_of(zygote), base, flush=True)
            threading.Timer(0.2, lambda: os.kill(os.getpid(), 9)).start()
            run(worker, "import time; time.sleep(600)")
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == -9, done.stderr
    *pids, base = done.stdout.split()
    assert wait_until(lambda: not any(alive(int(pid)) for pid in pids))
    assert wait_until(lambda: not Path(base).exists())


def test_a_forked_copy_of_the_host_keeps_nothing_alive() -> None:
    with open_folder() as folder:
        sandbox = Sandbox.open()
        mine = Lab(sandbox, folder)
        keeper, _ = _family(mine)
        reader, writer = os.pipe()
        copy = os.fork()
        if not copy:
            os.close(writer)
            os.read(reader, 1)  # until the test lets go
            os._exit(0)
        os.close(reader)
        try:
            assert mine.run(policy(), "result = 1") == 1
            sandbox.close()
            assert wait_until(lambda: not alive(keeper))
        finally:
            os.close(writer)
            os.waitpid(copy, 0)


def test_a_forked_copy_of_the_host_gets_no_worker_that_waits() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        for _ in range(3):  # so that one waits
            mine.run(policy(), "result = 1")
        with sandbox.pool(
            policy(), target="lab_target:build", path=[str(folder)]
        ) as pool:
            assert wait_until(lambda: pool.ready == 2)
            copy = os.fork()
            if not copy:
                refused = 0
                try:
                    mine.worker(policy())
                except ClosedError:
                    refused += 1
                try:
                    with pool.worker():
                        pass
                except ClosedError:
                    refused += 1
                pool.close()
                sandbox.close()
                os._exit(refused)
            assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 2
            assert pool.ready == 2
            with pool.worker() as worker:
                assert run(worker, "result = 1") == 1
            assert mine.run(policy(), "result = 1") == 1


def test_a_killed_zygote_is_replaced() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        _, zygote = _family(mine)
        with mine.worker(policy()) as worker:
            os.kill(zygote, signal.SIGKILL)
            with pytest.raises(SandboxError):
                run(worker, "import time; time.sleep(60)")
            assert wait_until(lambda: not alive(worker.pid))

        def runs() -> bool:
            # A child that was forked ahead may be taken just before it dies, too.
            with suppress(WorkerDiedError):
                return bool(mine.run(policy(), "result = 1") == 1)
            return False

        assert wait_until(runs)
        assert _family(mine)[1] != zygote


def test_a_killed_warden_takes_its_tree_along(lab: Lab) -> None:
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    code = """
        import os, time
        pid = os.fork()
        if not pid:
            os.setsid()
            time.sleep(600)
            os._exit(0)
        result = pid
    """
    with lab.worker(given) as worker:
        inner = run(worker, code)
        assert isinstance(inner, int)
        child = outside(worker, inner)
        assert alive(child)
        os.kill(parent_of(worker.pid), signal.SIGKILL)
        assert wait_until(lambda: not alive(worker.pid) and not alive(child))
        with pytest.raises(SandboxError):
            run(worker, "result = 1")


def test_a_killed_keeper_is_reported() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        keeper, zygote = _family(mine)
        os.kill(keeper, signal.SIGKILL)
        assert wait_until(lambda: not alive(zygote))
        with pytest.raises(SandboxError):
            mine.worker(policy())


def test_no_descriptor_is_left_after_workers() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        for _ in range(2):  # from the second time on there is a spare of each
            mine.run(policy(), "result = 1")
            mine.run(policy(Tier.BASIC), "result = 1")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(5):
            mine.run(policy(Tier.BASIC), "result = 1")
            with pytest.raises(SandboxError):
                mine.run(policy(), "import os; os._exit(1)")
            with pytest.raises(SandboxError):
                mine.worker(policy(), target="missing:x")
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


def test_of_workers_asked_for_in_a_row_no_child_is_thrown_away(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []

    def count(*args: Any, later: bool = False, **kwargs: Any) -> Forked:
        made.append(later)
        return fork(*args, later=later, **kwargs)

    monkeypatch.setattr("lockgate_sandbox.sandbox.fork", count)
    workers = [lab.worker(policy()) for _ in range(10)]
    for number, worker in enumerate(workers):
        assert run(worker, "result = n", n=number) == number
        worker.close()
    assert len(made) <= len(workers) + 1  # and one waits


def test_threads_may_start_workers_at_the_same_time(lab: Lab) -> None:
    answers: list[object] = []

    def start(number: int) -> None:
        for _ in range(4):
            answers.append(lab.run(policy(), "result = n", n=number))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=str) == sorted([n for n in range(6) for _ in range(4)])


@pytest.mark.skipif(os.geteuid() != 0, reason="only uid 0 escapes RLIMIT_NPROC")
def test_a_warden_counts_the_processes_of_uid_0_where_nothing_else_does(
    lab_without: Callable[..., Lab],
) -> None:
    # It may fork only because a test took the filter away.
    worker = lab_without("uid", "cgroup", "seccomp").worker(
        policy(limits={"processes": 4, "wall_seconds": 20})
    )
    assert worker.posture["process-limit"].state == "active"
    code = """
        import os, time
        result = 0
        try:
            while result < 40:
                if not os.fork():
                    time.sleep(60)
                result += 1
        except OSError:
            pass
    """
    with worker:
        assert run(worker, code) == 3  # and itself


def test_an_unknown_layer_is_refused(lab_without: Callable[..., Lab]) -> None:
    with pytest.raises(PolicyError, match="magic"):
        lab_without("magic").worker(policy())


def test_the_runtime_needs_no_import_path_of_the_host(tmp_path: Path) -> None:
    with open_folder() as folder:
        script = f"""
            import sys
            sys.path.insert(0, {str(Path.cwd())!r})
            from lockgate_sandbox import Sandbox
            from tests.support.sandbox import Lab, policy
            from pathlib import Path
            sandbox = Sandbox.open()
            lab = Lab(sandbox, Path({str(folder)!r}))
            found = lab.run(policy(), "import sys; result = sys.path")
            print(found[-1] == {str(folder)!r},
                  any("site-packages" in item for item in found))
            sandbox.close()
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            timeout=60,
        )
    assert done.stdout.split() == ["True", "False"]

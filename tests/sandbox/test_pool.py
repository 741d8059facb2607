"""The pool: ready before they are needed, fresh, bounded, replaced, honest."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lockgate_sandbox import (
    ClosedError,
    PolicyError,
    PoolBusyError,
    RemoteError,
    Sandbox,
    StartError,
    Tier,
    WallLimitError,
    WorkerPool,
)
from tests.support.sandbox import Lab, alive, open_folder, policy, run, wait_until

pytestmark = pytest.mark.kernel


def _pool(
    lab: Lab,
    tier: str = "read-only",
    *,
    size: int = 2,
    limit: int | None = None,
    leases: int = 1,
) -> WorkerPool:
    return lab.sandbox.pool(
        policy(tier),
        target="lab_target:build",
        path=[str(lab.folder)],
        size=size,
        limit=limit,
        leases=leases,
    )


@pytest.fixture
def pool(lab: Lab) -> Iterator[WorkerPool]:
    with _pool(lab, size=2, limit=3) as made:
        yield made


def test_a_worker_without_room_for_practice_starts_all_the_same(lab: Lab) -> None:
    made = lab.sandbox.pool(
        policy("read-only", limits={"open_files": 4}),
        target="lab_target:build",
        path=[str(lab.folder)],
        size=1,
    )
    with made, made.worker() as worker:
        code = """
            import socket
            try:
                socket.socketpair()
            except OSError as error:
                result = error.strerror
        """
        assert run(worker, code) == "Too many open files"


def test_workers_are_built_before_they_are_asked_for(pool: WorkerPool) -> None:
    assert wait_until(lambda: pool.ready == 2)
    with pool.worker() as worker:
        assert run(worker, "result = 1") == 1
        assert worker.posture["seccomp"].state == "active"
        assert pool.ready == 1
    assert wait_until(lambda: pool.ready == 2)


def test_each_lease_gets_a_process_that_nobody_used(pool: WorkerPool) -> None:
    pids: set[int] = set()
    for _ in range(6):
        with pool.worker() as worker:
            left = run(worker, "import sys; result = hasattr(sys, 'left')")
            run(worker, "import sys; sys.left = 1")
            assert left is False
        assert not alive(worker.pid)
        pids.add(worker.pid)
    assert len(pids) == 6


def test_a_worker_serves_as_many_leases_as_it_may(lab: Lab) -> None:
    with _pool(lab, size=1, limit=1, leases=3) as pool:
        pids: list[int] = []
        for _ in range(6):
            with pool.worker() as worker:
                pids.append(worker.pid)
        assert pids == [pids[0]] * 3 + [pids[3]] * 3
        assert pids[0] != pids[3]


def test_workers_with_a_scratch_folder_have_one_each(lab: Lab) -> None:
    with _pool(lab, "basic", size=2) as pool, ExitStack() as stack:
        workers = [stack.enter_context(pool.worker()) for _ in range(2)]
        code = "(session.scratch / 'x').write_text(n); result = str(session.scratch)"
        one, other = (run(worker, code, n=str(worker.pid)) for worker in workers)
        assert one != other


def test_the_limit_bounds_the_workers(pool: WorkerPool) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(pool.worker())
        started = time.monotonic()
        with pytest.raises(PoolBusyError) as caught, pool.worker(timeout=0.1):
            pass
        assert time.monotonic() - started >= 0.1
        assert caught.value.code == "pool-busy"
        assert caught.value.hint


def test_who_waits_gets_the_worker_that_comes_back(pool: WorkerPool) -> None:
    answers: list[object] = []

    def use() -> None:
        for _ in range(5):
            with pool.worker(timeout=30) as worker:
                answers.append(run(worker, "result = 1"))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 30


def test_a_worker_that_died_while_it_waited_is_not_handed_out(lab: Lab) -> None:
    with _pool(lab, size=1, limit=1, leases=9) as pool:
        with pool.worker() as first:
            pass
        os.kill(first.pid, signal.SIGKILL)
        assert wait_until(lambda: not first.alive)
        with pool.worker() as second:
            assert second.pid != first.pid
            assert run(second, "result = 1") == 1


def test_a_worker_that_reached_a_limit_is_replaced(lab: Lab) -> None:
    given = policy(limits={"wall_seconds": 0.2})
    with lab.sandbox.pool(
        given, target="lab_target:build", path=[str(lab.folder)], size=1, leases=9
    ) as pool:
        with pool.worker() as worker, pytest.raises(WallLimitError):
            run(worker, "while True: pass")
        with pool.worker() as worker:
            assert run(worker, "result = 1") == 1
        with pool.worker() as worker, pytest.raises(RemoteError):
            run(worker, "1 / 0")
        with pool.worker() as again:
            assert again.pid == worker.pid  # that one lived on


def test_a_target_that_can_not_be_built_is_told_to_whoever_needs_it(lab: Lab) -> None:
    with lab.sandbox.pool(policy(), target="missing:build", size=2) as pool:
        for _ in range(2):
            with pytest.raises(StartError) as caught, pool.worker():
                pass
            assert caught.value.stage == "import"
        assert pool.ready == 0


def test_a_target_may_ask_its_host_while_it_is_built(lab: Lab) -> None:
    lab.write(
        "asking",
        """
        def build(session):
            answer = session.call_host("motto")
            return lambda method, arguments: answer
        """,
    )
    with lab.sandbox.pool(
        policy(),
        target="asking:build",
        path=[str(lab.folder)],
        callbacks={"motto": lambda _: "wait and see"},
    ) as pool:
        assert wait_until(lambda: pool.ready == 2)
        with pool.worker() as worker:
            assert worker.call("x").value == "wait and see"


def test_close_ends_what_waits_and_later_what_is_leased() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        pool = _pool(Lab(sandbox, folder), size=2)
        with pool.worker() as worker:
            pool.close()
            pool.close()
            assert run(worker, "result = 1") == 1
            with pytest.raises(ClosedError), pool.worker():
                pass
        assert not alive(worker.pid)
        other = _pool(Lab(sandbox, folder), size=2)
        with other.worker() as leased:
            sandbox.close()
            assert not alive(leased.pid)
        with pytest.raises(ClosedError), other.worker():
            pass


def test_a_closed_pool_leaves_no_descriptor(lab: Lab) -> None:
    for tier in (Tier.READ_ONLY, Tier.BASIC):
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        with _pool(lab, tier, size=3) as pool, pool.worker():
            pass
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"size": 0}, "ready workers"),
        ({"size": 3, "limit": 2}, "ready workers"),
        ({"leases": 0}, "at least one lease"),
    ],
)
def test_a_pool_of_nothing_is_refused(
    lab: Lab, options: dict[str, int], word: str
) -> None:
    with pytest.raises(PolicyError, match=word):
        _pool(lab, "read-only", **options)

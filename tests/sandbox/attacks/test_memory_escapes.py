"""Memory that RLIMIT_DATA does not count, taken by real attacks.

Each limit is 64 MiB and each attack is bounded: the machine survives a hole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate_sandbox import (
    CpuLimitError,
    MemoryLimitError,
    Policy,
    Program,
    RemoteError,
    Tier,
    probe,
)
from tests.sandbox.attacks.families.memory import (
    AS_STACK,
    FLOODS_MEANWHILE,
    MAPS,
    NEVER_SEEN,
    PAGE_TABLES,
)
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel

_LIMIT = 64 << 20


def _small(tier: Tier = Tier.READ_ONLY) -> Policy:
    return policy(tier, limits={"memory_bytes": _LIMIT})


def test_memory_that_counts_as_stack_is_refused(lab: Lab) -> None:
    with pytest.raises(RemoteError) as caught:
        lab.run(_small(), MAPS + AS_STACK)
    assert caught.value.type == "PermissionError"


def test_memory_that_counts_as_stack_passes_the_limit_without_seccomp(
    lab_without: Callable[..., Lab],
) -> None:
    # Mapped and not touched: the host, which samples, would see that.
    lab = lab_without("seccomp", "process-limit")
    assert lab.run(_small(), MAPS + AS_STACK) is True


def test_page_tables_are_bounded(lab: Lab) -> None:
    with pytest.raises(MemoryLimitError) as caught:
        lab.run(_small(), MAPS + PAGE_TABLES)
    assert "no memory for the attack" in str(caught.value.__cause__)


def test_page_tables_are_not_bounded_without_rlimits(
    lab_without: Callable[..., Lab],
) -> None:
    assert lab_without("rlimits").run(_small(), MAPS + PAGE_TABLES) is True


def test_a_worker_that_nobody_waits_for_is_left_alone_within_its_limits(
    lab: Lab,
) -> None:
    code = """
        import threading, time
        kept = []
        def later():
            for _ in range(20):
                kept.append(bytearray(1 << 20))
                time.sleep(0.05)
        threading.Thread(target=later, daemon=True).start()
    """
    with lab.worker(_small()) as worker:
        run(worker, code)
        time.sleep(0.8)
        assert run(worker, "result = 1") == 1


def test_a_flood_of_requests_does_not_keep_the_host_from_looking(lab: Lab) -> None:
    with (
        lab.worker(_small(), callbacks={"echo": lambda _: 1}) as worker,
        pytest.raises(MemoryLimitError),
    ):
        run(worker, MAPS + FLOODS_MEANWHILE, rest=20)
    assert not alive(worker.pid)


def _tree() -> Policy:
    limits = policy(Tier.ELEVATED, limits={"memory_bytes": _LIMIT}).limits
    programs = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=limits, programs=programs)


def test_memory_that_no_process_shows_is_refused_where_no_group_counts(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("cgroup")
    with pytest.raises(RemoteError) as caught:
        lab.run(_tree(), MAPS + NEVER_SEEN)
    assert caught.value.type == "PermissionError"


def test_memory_that_no_process_shows_passes_every_look(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("cgroup", "seccomp")
    assert lab.run(_tree(), MAPS + NEVER_SEEN) is True


def test_a_group_counts_memory_that_no_process_shows(lab: Lab) -> None:
    if not probe().cgroup_parents:
        pytest.skip("no control group can be made here")
    with pytest.raises(MemoryLimitError):
        lab.run(_tree(), MAPS + NEVER_SEEN)


def test_a_tree_that_nobody_waits_for_is_killed_for_its_time(lab: Lab) -> None:
    given = Policy.for_tier(Tier.ELEVATED, programs=[Program("true", "/bin/true")])
    given = replace(given, limits=replace(given.limits, cpu_seconds=4))
    code = """
        import os
        for _ in range(4):
            if not os.fork():
                while True:
                    pass
    """
    with lab.worker(given) as worker:
        run(worker, code)
        # Each is far from its own limit when all together are over it.
        assert wait_until(lambda: not alive(worker.pid), 60)
        with pytest.raises(CpuLimitError):
            run(worker, "result = 1")

"""Workers that take or send too much: memory, threads, forks, output, answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate_sandbox import (
    DepthLimitError,
    MemoryLimitError,
    MessageLimitError,
    RemoteError,
    SandboxError,
    Tier,
)
from lockgate_sandbox.linux import credentials
from tests.sandbox.attacks.families.bombs import BOMB
from tests.sandbox.attacks.families.floods import CHATTER
from tests.sandbox.attacks.families.memory import MAPS, SHARED, UNMAPPED
from tests.sandbox.attacks.misbehaviour import ELEVATED
from tests.support.sandbox import TIERS, Lab, alive, policy, run, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("next_worker_works")]


def test_memory_beyond_the_limit_is_a_memory_error_and_the_worker_lives(
    lab: Lab,
) -> None:
    with lab.worker(policy(limits={"memory_bytes": 64 << 20})) as worker:
        with pytest.raises(MemoryLimitError):
            run(worker, "result = len(bytearray(512 << 20))")
        assert run(worker, "result = 1") == 1


_DUMPABLE = """
if dumpable is not None:
    libc.prctl(4, dumpable, 0, 0, 0)
"""

_STAYS = "time.sleep(60)"

_CAP_SYS_PTRACE = 19


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("code", [SHARED, UNMAPPED], ids=["mapped", "unmapped"])
def test_memory_that_no_rlimit_sees_is_refused(lab: Lab, code: str, tier: Tier) -> None:
    with pytest.raises(RemoteError, match="Operation not permitted"):
        lab.run(policy(tier), MAPS + code)


@pytest.mark.parametrize("dumpable", [None, 0, 1])
@pytest.mark.parametrize("code", [SHARED, UNMAPPED], ids=["mapped", "unmapped"])
def test_memory_that_no_rlimit_sees_is_sampled(
    lab_without: Callable[..., Lab], code: str, dumpable: int | None
) -> None:
    if code == UNMAPPED and not credentials.has_capability(_CAP_SYS_PTRACE):
        pytest.skip(
            "only CAP_SYS_PTRACE sees the descriptors of a process closed to tracing"
        )
    lab = lab_without("seccomp", "rlimits", "process-limit", "cgroup")
    given = policy(limits={"memory_bytes": 64 << 20})
    with lab.worker(given) as worker, pytest.raises(MemoryLimitError):
        run(worker, MAPS + _DUMPABLE + code + _STAYS, dumpable=dumpable)


def test_thread_bomb_stops_at_the_process_limit(lab: Lab) -> None:
    code = """
        import threading, time
        stop = threading.Event()
        count = 0
        try:
            while count < 500:
                threading.Thread(target=stop.wait, daemon=True).start()
                count += 1
        finally:
            stop.set()
    """
    with pytest.raises(SandboxError) as caught:
        lab.run(policy(limits={"processes": 16}), code)
    assert caught.value.code in ("remote-error", "process-limit", "memory-limit")
    if isinstance(caught.value, RemoteError):
        assert "can't start new thread" in caught.value.message


def test_fork_bomb_dies_with_its_worker(lab: Lab) -> None:
    bomber = lab.worker(ELEVATED)
    uid = bomber.posture.uid
    with pytest.raises(SandboxError):
        bomber.call(BOMB, {}, timeout=1.0)
    bomber.close()
    assert wait_until(lambda: not alive(bomber.pid))
    if uid not in (0, os.getuid()):
        assert wait_until(lambda: not _tasks_of(uid))


def _tasks_of(uid: int) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and path.stat().st_uid == uid:
                found.append(path.name)
        except OSError:
            continue
    return found


def test_a_fork_that_comes_back_from_the_handler_is_ended(lab: Lab) -> None:
    with lab.worker(ELEVATED) as worker:
        assert run(worker, "import os\nresult = os.fork() and 5") == 5
        assert run(worker, "result = 6") == 6


def test_much_output_is_truncated_with_a_marker_and_blocks_nobody(lab: Lab) -> None:
    with lab.worker(policy(limits={"output_bytes": 1000})) as worker:
        reply = worker.call(CHATTER + "result = 1", {})
        assert reply.value == 1
        assert reply.output.startswith("x" * 1000 + "\n[output truncated: 499001 ")
        assert reply.usage.output_bytes == 500_001
        assert worker.call("result = 2", {}).output == ""


def test_reply_over_the_limit_is_refused_by_the_honest_side(lab: Lab) -> None:
    with lab.worker(policy(limits={"message_bytes": 100_000})) as worker:
        with pytest.raises(MessageLimitError) as caught:
            run(worker, "result = bytes(200_000)")
        assert caught.value.limit == 100_000
        assert run(worker, "result = 1") == 1


def test_deep_reply_is_refused(lab: Lab) -> None:
    code = """
        result = []
        for _ in range(500):
            result = [result]
    """
    with lab.worker(policy()) as worker:
        with pytest.raises(DepthLimitError) as caught:
            run(worker, code)
        assert caught.value.unit == "levels"

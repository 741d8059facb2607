"""The keeper says why it killed: where it is quicker than the host, nothing is lost."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

import pytest

from lockgate_sandbox import (
    ClosedError,
    CpuLimitError,
    MemoryLimitError,
    Policy,
    Program,
    SandboxError,
    Tier,
    WorkerDiedError,
)
from lockgate_sandbox._line.verdicts import Verdicts
from lockgate_sandbox._watch import tree, verdict
from lockgate_sandbox._watch.sample import Sampler
from tests.support.sandbox import Lab, crowd, policy, run, wait_until

_MIB = 1 << 20
_LIMITS = policy(limits={"memory_bytes": 96 * _MIB}).limits

_MANY = crowd(6, 24, 60)
_LATER = f"""
    import threading
    code = compile({_MANY!r}, "<many>", "exec")
    threading.Thread(target=exec, args=(code, {{}}), daemon=True).start()
"""
_BUSY = """
    import os
    for _ in range(3):
        if not os.fork():
            break
    while True:
        pass
"""


def _policy(**limits: float) -> Policy:
    given = policy(Tier.ELEVATED, limits=limits)
    programs = [Program("true", "/bin/true"), Program("python3", "/usr/bin/python3")]
    return Policy.for_tier(Tier.ELEVATED, limits=given.limits, programs=programs)


def _nothing(*_: object, **__: object) -> None:
    return


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that comes to look too late, as on a busy machine."""
    monkeypatch.setattr(Sampler, "check", _nothing)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is not told."""
    monkeypatch.setattr(Verdicts, "on", _nothing)


def _fails(lab: Lab, given: Policy, code: str) -> SandboxError:
    with lab.worker(given) as worker, pytest.raises(SandboxError) as caught:
        run(worker, code)
    return caught.value


@pytest.mark.kernel
@pytest.mark.usefixtures("blind")
def test_the_memory_of_a_tree_is_named_though_the_host_has_not_looked(
    lab_without: Callable[..., Lab],
) -> None:
    given = _policy(memory_bytes=96 * _MIB)
    error = _fails(lab_without("cgroup"), given, _MANY)
    assert isinstance(error, MemoryLimitError)
    assert not error.claimed
    assert error.used > error.limit == 96 * _MIB


@pytest.mark.kernel
@pytest.mark.usefixtures("blind", "deaf")
def test_without_the_verdict_it_is_just_dead(lab_without: Callable[..., Lab]) -> None:
    error = _fails(lab_without("cgroup"), _policy(memory_bytes=96 * _MIB), _MANY)
    assert isinstance(error, WorkerDiedError)
    assert error.signal == signal.SIGKILL


@pytest.mark.kernel
@pytest.mark.usefixtures("blind")
def test_the_time_of_a_tree_is_named_though_the_host_has_not_looked(
    lab_without: Callable[..., Lab],
) -> None:
    error = _fails(lab_without("cgroup"), _policy(cpu_seconds=1), _BUSY)
    assert isinstance(error, CpuLimitError)


@pytest.mark.kernel
@pytest.mark.usefixtures("blind")
def test_what_a_program_was_killed_for_is_named_too(
    lab_without: Callable[..., Lab],
) -> None:
    given = _policy(memory_bytes=96 * _MIB)
    with pytest.raises(MemoryLimitError):
        lab_without("cgroup").sandbox.run_program(
            given, ["/usr/bin/python3", "-c", _MANY]
        )


@pytest.mark.kernel
@pytest.mark.usefixtures("blind")
def test_a_worker_that_was_killed_between_calls_is_gone_for_a_reason(
    lab_without: Callable[..., Lab],
) -> None:
    given = _policy(memory_bytes=96 * _MIB)
    with lab_without("cgroup").worker(given) as worker:
        run(worker, _LATER)
        assert wait_until(worker.line.process.ended)
        with pytest.raises(MemoryLimitError):
            run(worker, "result = 1")
        with pytest.raises(ClosedError, match="memory"):
            run(worker, "result = 1")


@pytest.mark.kernel
@pytest.mark.usefixtures("blind")
def test_a_keeper_that_has_much_to_do_looks_all_the_same(
    lab_without: Callable[..., Lab],
) -> None:
    """Without a pid namespace each end of a tree is the keeper's business."""
    lab = lab_without("cgroup", "pid-namespace")
    with lab.worker(_policy(memory_bytes=96 * _MIB)) as worker:
        run(worker, _LATER)
        ends = time.monotonic() + 30
        while not worker.line.process.ended() and time.monotonic() < ends:
            with lab.worker(_policy()) as other:
                run(other, "result = 1")
        assert worker.line.process.ended()
        with pytest.raises(MemoryLimitError):
            run(worker, "result = 1")


def _told(*verdicts: bytes) -> tuple[Verdicts, socket.socket]:
    mine, keepers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for data in verdicts:
        keepers.send(data)
    keepers.close()
    return Verdicts(mine), mine


def test_a_verdict_is_on_all_of_a_tree_and_told_once() -> None:
    verdicts, leash = _told(verdict.pack([7, 8, 9], verdict.CPU, 2.5))
    error = verdicts.on({8}, _LIMITS, since=0)
    assert isinstance(error, CpuLimitError)
    assert error.used == 2.5
    assert verdicts.on({8}, _LIMITS, since=0) is None
    assert verdicts.on({7}, _LIMITS, since=0) is not None
    leash.close()
    assert verdicts.on({5}, _LIMITS, since=0) is None


def test_a_verdict_on_one_that_had_the_number_before_is_no_reason() -> None:
    old = verdict.pack([7], verdict.MEMORY, 1e9)
    verdicts, leash = _told(old)
    assert verdicts.on({7}, _LIMITS, since=time.monotonic()) is None
    leash.close()


def test_a_verdict_names_no_more_than_fits_and_few_are_kept() -> None:
    many = verdict.pack(list(range(5000)), verdict.MEMORY, 1e9)
    assert len(many) == verdict.VERDICT_BYTES
    packed = (verdict.pack([n], verdict.MEMORY, 1e9) for n in range(10_000, 10_100))
    verdicts, leash = _told(many, *packed)
    assert verdicts.on({10_099}, _LIMITS, since=0) is not None
    assert verdicts.on({127}, _LIMITS, since=0) is not None
    assert verdicts.on({128}, _LIMITS, since=0) is None
    leash.close()


def test_a_process_that_ends_is_told_from_one_that_runs() -> None:
    pid = os.fork()
    if not pid:
        signal.pause()
        os._exit(0)
    assert not tree.is_ending(pid)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: tree.is_ending(pid))
    os.waitpid(pid, 0)
    assert not tree.is_ending(pid)


@pytest.mark.kernel
def test_a_worker_that_only_looks_as_if_it_were_ending_is_not_waited_for_long(
    lab: Lab,
) -> None:
    code = """
        import ctypes, os, threading, time
        def last():
            time.sleep(0.1)
            os.close(session._channel.socket.fileno())
            time.sleep(60)
        threading.Thread(target=last).start()
        ctypes.CDLL(None).pthread_exit(None)
    """
    started = time.monotonic()
    error = _fails(lab, policy(limits={"wall_seconds": 15}), code)
    assert "closed its channel" in str(error)
    assert time.monotonic() - started < 20

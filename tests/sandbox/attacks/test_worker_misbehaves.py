"""Plugins that crash, hang, flood, lie on the wire or will not die.

Each costs its own worker, at most; the host gets a typed error and the next
worker of the same sandbox works.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from lockgate_sandbox import CpuLimitError, WallLimitError, WorkerDiedError
from tests.sandbox.attacks.families.misbehaves import ABORTS, CRASHES, EXITS, SPINS
from tests.sandbox.attacks.misbehaviour import ELEVATED, fails
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("next_worker_works")]


def test_segfault_is_reported_with_its_signal(lab: Lab) -> None:
    error = fails(lab, CRASHES)
    assert isinstance(error, WorkerDiedError)
    assert error.signal == signal.SIGSEGV


def test_exit_in_mid_call_is_reported_with_its_status(lab: Lab) -> None:
    error = fails(lab, EXITS)
    assert isinstance(error, WorkerDiedError)
    assert (error.status, error.signal) == (3, None)


def test_abort_is_reported_with_its_signal(lab: Lab) -> None:
    error = fails(lab, ABORTS)
    assert isinstance(error, WorkerDiedError)
    assert error.signal == signal.SIGABRT


def test_spin_in_c_with_the_gil_held_ends_at_the_cpu_limit(lab: Lab) -> None:
    error = fails(lab, SPINS, policy(limits={"cpu_seconds": 1}))
    assert isinstance(error, CpuLimitError)


def test_cpu_limit_holds_though_its_signal_is_caught(lab: Lab) -> None:
    code = """
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True:
            pass
    """
    error = fails(lab, code, policy(limits={"cpu_seconds": 1}))
    assert isinstance(error, CpuLimitError)


def test_timeout_of_a_call_only_shortens(lab: Lab) -> None:
    with lab.worker(policy(limits={"wall_seconds": 0.2})) as worker:
        started = time.monotonic()
        with pytest.raises(WallLimitError) as caught:
            worker.call("import time; time.sleep(60)", {}, timeout=30)
        assert time.monotonic() - started < 20
        assert caught.value.limit == 0.2


def test_a_warden_that_was_stopped_still_buries_its_tree(lab: Lab) -> None:
    worker = lab.worker(ELEVATED)
    code = "import os, time\nif not os.fork():\n    time.sleep(600)\nresult = 1"
    assert run(worker, code) == 1
    warden = worker.line.process.root
    assert warden != worker.pid
    os.kill(warden, signal.SIGSTOP)
    worker.close()
    assert wait_until(lambda: not alive(warden) and not alive(worker.pid))

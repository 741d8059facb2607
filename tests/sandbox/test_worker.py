"""Calls: values, callbacks, errors, output, threads and the end of a worker."""

from __future__ import annotations

import os
import threading
import time
from array import array
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    MessageLimitError,
    Policy,
    PolicyError,
    RemoteError,
    Sandbox,
    SandboxError,
    Tier,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox.errors import Data
from tests.support.sandbox import (
    TIERS,
    Lab,
    alive,
    open_folder,
    policy,
    run,
    wait_until,
)

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("tier", TIERS)
def test_a_call_gives_value_usage_posture_and_output(lab: Lab, tier: Tier) -> None:
    with lab.worker(policy(tier)) as worker:
        reply = worker.call("print('hi'); result = [1, b'x', {'a': None}]", {})
    assert reply.value == [1, b"x", {"a": None}]
    assert reply.output == "hi\n"
    assert reply.usage.output_bytes == 3
    assert reply.usage.wall_seconds > 0
    assert reply.usage.peak_memory_bytes > 1 << 20
    assert reply.posture == worker.posture
    assert {"landlock", "seccomp", "rlimits"} <= {x.name for x in worker.posture.layers}


def test_cpu_time_of_a_call_is_measured_by_the_host(lab: Lab) -> None:
    code = "import time\nend = time.process_time() + 0.1\n"
    code += "while time.process_time() < end: pass"
    with lab.worker(policy()) as worker:
        assert 0.09 < worker.call(code, {}).usage.cpu_seconds < 1


def test_state_lasts_from_call_to_call(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        run(worker, "import sys; sys.kept = 5")
        assert run(worker, "import sys; result = sys.kept") == 5


def test_an_exception_of_the_handler_leaves_the_worker_alive(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        with pytest.raises(RemoteError) as caught:
            run(worker, "raise KeyError('nope')")
        assert (caught.value.type, caught.value.message) == ("KeyError", "'nope'")
        assert 'File "<test>", line 1' in caught.value.traceback
        assert caught.value.code == "remote-error"
        assert run(worker, "result = 1") == 1


def test_what_a_failed_call_printed_is_not_the_next_ones() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "talks.py").write_text(
            "def build(session):\n"
            "    def handler(method, arguments):\n"
            "        print('from', method)\n"
            "        return 1 // (method != 'bad')\n"
            "    return handler\n"
        )
        tier = Policy.for_tier("read-only")
        path = [str(folder)]
        with sandbox.worker(tier, target="talks:build", path=path) as worker:
            for _ in range(40):  # by every way that a call may take
                with pytest.raises(RemoteError) as failed:
                    worker.call("bad")
                assert failed.value.output == "from bad\n"
                assert worker.call("good").output == "from good\n"


def test_details_of_an_exception_cross(lab: Lab) -> None:
    code = "e = ValueError()\ne.lockgate_details = {'line': 3}\nraise e"
    with lab.worker(policy()) as worker, pytest.raises(RemoteError) as caught:
        run(worker, code)
    assert caught.value.details == {"line": 3}


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_an_exception_that_would_end_a_process_is_reported(lab: Lab, kind: str) -> None:
    with lab.worker(policy()) as worker:
        with pytest.raises(RemoteError) as caught:
            run(worker, f"raise {kind}")
        assert caught.value.type == kind
        assert run(worker, "result = 1") == 1


def test_an_exception_that_can_not_be_shown_is_reported(lab: Lab) -> None:
    code = """
        class Evil(Exception):
            def __str__(self):
                raise RuntimeError
        raise Evil
    """
    with lab.worker(policy()) as worker, pytest.raises(RemoteError) as caught:
        run(worker, code)
    assert "could not be made" in caught.value.message


def test_a_long_text_comes_back_between_short_ones(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        for length in (5, 70_000, 5, 3_000_000, 5):
            assert run(worker, f"result = {{'text': 'x' * {length}}}") == {
                "text": "x" * length
            }


def test_arguments_that_may_not_cross_are_refused_unsent(lab: Lab) -> None:
    with lab.worker(policy(limits={"message_bytes": 100_000})) as worker:
        given: dict[str, Any] = {"n": array("d", [1.0]), "x": [1, object()]}
        with pytest.raises(PolicyError, match=r"arguments\['x'\]\[1\]: .*object") as no:
            worker.call("result = 1", given)
        assert "what crosses" in no.value.hint
        with pytest.raises(PolicyError, match=r"arguments is a mapping"):
            worker.call("result = 1", ["x"])  # type: ignore[arg-type] # pyright: ignore
        with pytest.raises(PolicyError, match=r"arguments is a mapping"):
            worker.submit("result = 1", ["x"])  # type: ignore[arg-type] # pyright: ignore
        assert not worker.line.flights.table  # nothing is waited for
        with pytest.raises(MessageLimitError):
            worker.call("result = 1", {"x": bytes(200_000)})
        assert run(worker, "result = 1") == 1


@pytest.mark.parametrize("size", [100, 10_000, 1 << 20, 16 << 20])
def test_large_values_cross_both_ways(lab: Lab, size: int) -> None:
    with lab.worker(policy()) as worker:
        data = os.urandom(size)
        assert run(worker, "result = data[::-1]", data=data) == data[::-1]


def _seconds_to_notice(worker: Worker) -> float:
    """How long a call goes on after its worker was killed."""
    killed: list[float] = []

    def kill() -> None:
        killed.append(time.monotonic())
        os.kill(worker.pid, 9)

    threading.Timer(0.2, kill).start()
    with pytest.raises(WorkerDiedError) as caught:
        run(worker, "import time; time.sleep(60)")
    assert caught.value.signal == 9
    assert not worker.alive
    return time.monotonic() - killed[0]


def test_a_worker_killed_in_mid_call_is_noticed_at_once(lab: Lab) -> None:
    # The best of several: a busy machine slows some, not all.
    assert min(_seconds_to_notice(lab.worker(policy())) for _ in range(5)) < 0.1
    with lab.worker(policy()) as other:
        assert run(other, "result = 1") == 1


def test_a_dead_worker_says_why_it_is_dead(lab: Lab) -> None:
    worker = lab.worker(policy())
    with pytest.raises(WorkerDiedError):
        run(worker, "import os; os._exit(3)")
    with pytest.raises(ClosedError, match="exit status 3") as caught:
        run(worker, "result = 1")
    assert isinstance(caught.value.__cause__, WorkerDiedError)
    assert caught.value.hint


def test_kill_from_another_thread_ends_a_call(lab: Lab) -> None:
    worker = lab.worker(policy())
    timer = threading.Timer(0.1, worker.kill)
    timer.start()
    with pytest.raises(WorkerDiedError):
        run(worker, "import time; time.sleep(60)")


def test_a_close_that_is_interrupted_leaves_no_thread_waiting(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C comes while the first one has the worker closed."""
    worker = lab.worker(policy())
    pending = worker.submit("import time; time.sleep(60)")
    worker.flush()
    reaped = worker.line.process.close

    def interrupted() -> None:
        reaped()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(worker.line.process, "close", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.close()
    ended: list[SandboxError] = []

    def wait() -> None:
        try:
            pending.result()
        except SandboxError as error:
            ended.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    assert len(ended) == 1


def test_calls_of_several_threads_take_turns(lab: Lab) -> None:
    answers: list[Data] = []
    with lab.worker(policy()) as worker:

        def ask(number: int) -> None:
            for _ in range(20):
                answers.append(run(worker, "result = n * n", n=number))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers, key=str) == sorted(
        [n * n for n in range(6) for _ in range(20)], key=str
    )


def test_workers_share_no_state(lab: Lab) -> None:
    with lab.worker(policy()) as one, lab.worker(policy()) as two:
        run(one, "import sys; sys.mine = 1")
        assert run(two, "import sys; result = hasattr(sys, 'mine')") is False


def test_close_leaves_no_process(lab: Lab) -> None:
    workers = [lab.worker(policy(tier)) for tier in TIERS for _ in range(3)]
    pids = [worker.pid for worker in workers]
    for worker in workers:
        worker.close()
        worker.close()
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.parametrize("how", ["close", "kill"])
def test_a_forked_copy_of_the_host_does_its_parents_worker_no_harm(
    lab: Lab, how: str
) -> None:
    with lab.worker(policy(Tier.BASIC)) as worker:
        run(worker, "(session.scratch / 'kept').write_text('x')")
        copy = os.fork()
        if not copy:
            try:
                getattr(worker, how)()
            finally:
                os._exit(0)
        os.waitpid(copy, 0)
        assert run(worker, "result = (session.scratch / 'kept').read_text()") == "x"

"""Calls: values, callbacks, errors, output, threads and the end of a worker."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from lockgate_sandbox import (
    ClosedError,
    MessageLimitError,
    Passed,
    PolicyError,
    Program,
    RemoteError,
    StartError,
    Tier,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox.errors import Data
from lockgate_sandbox.policy import Policy
from tests.support.sandbox import TIERS, Lab, alive, policy, run, wait_until

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


def test_callbacks_run_on_the_calling_thread(lab: Lab) -> None:
    seen: list[int] = []

    def up(arguments: dict[str, Data]) -> Data:
        seen.append(threading.get_ident())
        return str(arguments["text"]).upper()

    code = "result = session.call_host('up', {'text': 'abc'})"
    with lab.worker(policy(), callbacks={"up": up}) as worker:
        assert run(worker, code) == "ABC"
    assert seen == [threading.get_ident()]


def test_many_callbacks_in_one_call_keep_their_order(lab: Lab) -> None:
    code = "result = [session.call_host('echo', {'n': n})['n'] for n in range(200)]"
    with lab.worker(policy(), callbacks={"echo": lambda a: a}) as worker:
        assert run(worker, code) == list(range(200))


def test_threads_of_a_plugin_may_all_ask(lab: Lab) -> None:
    code = """
        from concurrent.futures import ThreadPoolExecutor
        ask = lambda n: session.call_host('echo', {'n': n})['n']
        with ThreadPoolExecutor(8) as pool:
            result = sorted(pool.map(ask, range(100)))
    """
    with lab.worker(policy(), callbacks={"echo": lambda a: a}) as worker:
        assert run(worker, code) == list(range(100))


@pytest.mark.parametrize(
    "kind", [PermissionError, FileNotFoundError, TimeoutError, ValueError, OSError]
)
def test_a_refusing_callback_raises_the_same_kind_in_the_worker(
    lab: Lab, kind: type[Exception]
) -> None:
    def refuse(_: dict[str, Data]) -> Data:
        raise kind("not granted: fs.read /x")

    code = f"""
        try:
            session.call_host('f', {{}})
        except {kind.__name__} as error:
            result = [isinstance(error, session.HostCallError), str(error)]
    """
    with lab.worker(policy(), callbacks={"f": refuse}) as worker:
        assert run(worker, code) == [True, "not granted: fs.read /x"]


def test_code_and_hint_of_a_callback_error_cross(lab: Lab) -> None:
    class NoGrant(Exception):  # noqa: N818
        code = "no-grant"
        hint = "lockgate grants grant x"

    def refuse(_: dict[str, Data]) -> Data:
        raise NoGrant("missing")

    code = """
        try:
            session.call_host('f')
        except session.HostCallError as error:
            result = [error.code, error.message, error.hint]
    """
    with lab.worker(policy(), callbacks={"f": refuse}) as worker:
        assert run(worker, code) == ["no-grant", "missing", "lockgate grants grant x"]


def test_the_text_of_an_unforeseen_host_error_stays_in_the_host(lab: Lab) -> None:
    def broken(_: dict[str, Data]) -> Data:
        raise RuntimeError("password=hunter2")

    code = """
        try:
            session.call_host('f')
        except Exception as error:
            result = str(error)
    """
    with lab.worker(policy(), callbacks={"f": broken}) as worker:
        assert run(worker, code) == "the host's callback failed (RuntimeError)"


def test_an_unknown_callback_is_a_lookup_error(lab: Lab) -> None:
    with (
        lab.worker(policy()) as worker,
        pytest.raises(RemoteError, match="no callback"),
    ):
        run(worker, "session.call_host('nothing')")


def test_the_host_can_not_be_asked_between_calls(lab: Lab) -> None:
    code = """
        import threading, sys
        def later():
            event.wait()
            try:
                session.call_host('f')
            except RuntimeError as error:
                sys.seen.append(str(error))
        sys.seen = []
        event = sys.event = threading.Event()
        sys.thread = threading.Thread(target=later)
        sys.thread.start()
        import time
        threading.Timer(0.05, event.set).start()
    """
    with lab.worker(policy(), callbacks={"f": lambda _: 1}) as worker:
        run(worker, code)
        time.sleep(0.2)
        seen = run(worker, "import sys\nsys.thread.join()\nresult = sys.seen")
    assert seen == ["call_host works only while the host waits for a call"]


def test_a_thread_that_still_asks_has_its_answer_before_the_call_ends(lab: Lab) -> None:
    asked = threading.Event()

    def slow(_: dict[str, Data]) -> Data:
        asked.set()
        time.sleep(0.05)
        return "answered"

    code = """
        import sys, threading, time
        def ask():
            sys.seen = session.call_host('slow')
        sys.seen = None
        sys.thread = threading.Thread(target=ask)
        sys.thread.start()
        while not session.lock.locked():
            time.sleep(0.001)
        result = 'ended'
    """
    with lab.worker(policy(), callbacks={"slow": slow}) as worker:
        assert run(worker, code) == "ended"
        assert asked.is_set()
        assert run(worker, "import sys\nsys.thread.join()\nresult = sys.seen") == (
            "answered"
        )


def test_a_long_text_comes_back_between_short_ones(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        for length in (5, 70_000, 5, 3_000_000, 5):
            assert run(worker, f"result = {{'text': 'x' * {length}}}") == {
                "text": "x" * length
            }


def test_a_callback_may_not_call_its_own_worker(lab: Lab) -> None:
    workers: list[Worker] = []
    reasons: list[str] = []

    def again(_: dict[str, Data]) -> Data:
        with pytest.raises(PolicyError) as caught:
            workers[0].call("result = 1", {})
        reasons.append(str(caught.value))
        return None

    workers.append(lab.worker(policy(), callbacks={"again": again}))
    with workers[0]:
        run(workers[0], "session.call_host('again')")
    assert "may not call it again" in reasons[0]


def test_a_callback_may_close_its_own_worker(lab: Lab) -> None:
    workers: list[Worker] = []

    def close(_: dict[str, Data]) -> Data:
        workers[0].close()
        return None

    workers.append(lab.worker(policy(), callbacks={"close": close}))
    with pytest.raises(ClosedError):
        run(workers[0], "session.call_host('close')")


def test_arguments_that_may_not_cross_are_refused_unsent(lab: Lab) -> None:
    with lab.worker(policy(limits={"message_bytes": 100_000})) as worker:
        with pytest.raises(PolicyError, match="arguments"):
            worker.call("result = 1", {"x": object()})  # type: ignore[dict-item]
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


def test_nothing_of_ours_is_visible_in_the_worker(lab: Lab) -> None:
    code = """
        import sys
        result = [name for name in sys.modules
                  if name.partition(".")[0] in ("lockgate_sandbox", "msgspec")]
    """
    with lab.worker(policy()) as worker:
        assert run(worker, code) == []
        with pytest.raises(RemoteError, match="No module named 'msgspec'"):
            run(worker, "import msgspec")
        with pytest.raises(RemoteError, match="No module named 'lockgate_sandbox'"):
            run(worker, "import lockgate_sandbox")


def test_a_plugin_gets_its_own_codec_not_ours(lab: Lab) -> None:
    lab.write("msgspec", "VERSION = 'mine'\n")
    try:
        with lab.worker(policy()) as worker:
            assert run(worker, "import msgspec; result = msgspec.VERSION") == "mine"
            assert run(worker, "result = [1, b'x']") == [1, b"x"]
    finally:
        (lab.folder / "msgspec.py").unlink()


def test_a_plugin_may_bring_the_very_codec_that_we_use(lab: Lab) -> None:
    import msgspec

    site = os.path.dirname(os.path.dirname(msgspec.__file__))  # noqa: PTH120
    path = [str(lab.folder), site]
    given = policy()
    with lab.sandbox.worker(given, target="lab_target:build", path=path) as worker:
        code = """
            import msgspec
            class Point(msgspec.Struct):
                x: int
            result = msgspec.json.decode(b'{"x": 4}', type=Point).x
        """
        assert run(worker, code) == 4
        assert run(worker, "result = {'a': [1.5, b'x']}") == {"a": [1.5, b"x"]}


def test_a_missing_module_is_a_start_error_of_that_worker_only(lab: Lab) -> None:
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="no_such_module:build")
    assert caught.value.stage == "import"
    assert "no_such_module" in caught.value.detail
    assert lab.run(policy(), "result = 1") == 1


def test_a_target_that_raises_is_a_start_error_with_its_traceback(lab: Lab) -> None:
    lab.write("raising", "def build(session):\n    raise ValueError('no')\n")
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="raising:build")
    assert caught.value.stage == "target"
    assert "ValueError: no" in caught.value.detail
    assert "raising.py" in caught.value.traceback


def test_a_target_that_gives_no_handler_is_a_start_error(lab: Lab) -> None:
    lab.write("nothing", "def build(session):\n    return 5\n")
    with pytest.raises(StartError, match="no handler but a int"):
        lab.worker(policy(), target="nothing:build")


def test_an_import_that_exits_is_a_typed_error(lab: Lab) -> None:
    lab.write("exits", "import os\nos._exit(9)\n")
    with pytest.raises(WorkerDiedError) as caught:
        lab.worker(policy(), target="exits:build")
    assert caught.value.status == 9


@pytest.mark.parametrize("target", ["", "module", "module:", ":name"])
def test_a_misspelt_target_is_refused(lab: Lab, target: str) -> None:
    with pytest.raises(PolicyError, match="module:callable"):
        lab.worker(policy(), target=target)


def test_scratch_is_there_from_basic_on(lab: Lab) -> None:
    assert lab.run(policy(Tier.READ_ONLY), "result = session.scratch") is None
    code = """
        path = session.scratch / "a"
        path.write_text("b")
        import os, tempfile
        result = [path.read_text(), tempfile.gettempdir() == str(session.scratch),
                  os.getcwd() == str(session.scratch)]
    """
    assert lab.run(policy(Tier.BASIC), code) == ["b", True, True]


def test_session_knows_tier_and_programs(lab: Lab) -> None:
    code = "result = [session.tier, session.programs]"
    assert lab.run(policy(Tier.BASIC), code) == ["basic", {}]
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    assert lab.run(given, code) == ["elevated", {"true": "/bin/true"}]


def test_programs_of_a_policy_run_under_its_seal(lab: Lab) -> None:
    given = Policy.for_tier("elevated", programs=[Program("cat", "/bin/cat")])
    code = """
        import subprocess
        run = lambda *a: subprocess.run(a, capture_output=True, text=True)
        (session.scratch / "mine").write_text("ok")
        cat = session.programs["cat"]
        mine, other = run(cat, str(session.scratch / "mine")), run(cat, "/etc/passwd")
        result = [mine.stdout, other.returncode, other.stderr]
    """
    answer = lab.run(given, code)
    assert isinstance(answer, list)
    assert answer[:2] == ["ok", 1]
    assert "Permission denied" in str(answer[2])


def test_extra_environment_of_a_policy_reaches_the_worker(lab: Lab) -> None:
    given = Policy.for_tier("read-only", env={"GREETING": "hello"})
    code = "import os; result = os.environ['GREETING']"
    assert lab.run(given, code) == "hello"


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


def test_a_callback_passes_open_files(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only by this descriptor")

    def give(_: dict[str, Data]) -> Passed:
        return Passed({"n": 1}, [os.open(secret, os.O_RDONLY)])

    code = f"""
        import os
        value, fds = session.call_host_fds('give')
        try:
            open({str(secret)!r})
            denied = False
        except PermissionError:
            denied = True
        result = [value, len(fds), os.read(fds[0], 99), os.get_inheritable(fds[0]),
                  denied]
    """
    with lab.worker(policy(), callbacks={"give": give}) as worker:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            answer = run(worker, code)
            assert answer == [{"n": 1}, 1, b"only by this descriptor", False, True]
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_descriptors_that_nobody_wants_are_closed_in_the_worker(lab: Lab) -> None:
    def give(_: dict[str, Data]) -> Passed:
        return Passed(7, [os.open(os.devnull, os.O_RDONLY)])

    code = """
        import os
        count = lambda: sum(map(_ok, range(64)))
        def _ok(fd):
            try:
                os.fstat(fd)
                return True
            except OSError:
                return False
        before = count()
        value = [session.call_host('give') for _ in range(5)]
        result = [value, count() - before]
    """
    with lab.worker(policy(), callbacks={"give": give}) as worker:
        assert run(worker, code) == [[7] * 5, 0]


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

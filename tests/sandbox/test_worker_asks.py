"""A worker that asks its host: callbacks, their errors, their threads and files."""

from __future__ import annotations

import os
import threading
import time
import traceback
from pathlib import Path

import pytest

from lockgate_sandbox import (
    ClosedError,
    Passed,
    PolicyError,
    RemoteError,
    SandboxError,
    Worker,
)
from lockgate_sandbox.errors import Data
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel


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


ASKS = """
def build(session):
    def handler(method, arguments):
        try:
            return session.call_host("fails", {})
        except Exception:
            if method == "goes on":
                raise RuntimeError("of its own") from None
            raise
    return handler

def early(session):
    session.call_host("fails", {})
"""


def fails(_: object) -> object:
    secret = "s3cret"
    raise RuntimeError(secret)


@pytest.mark.parametrize("target", ["asks:build", "asks:early"])
def test_what_a_callback_raised_is_the_cause_of_the_error(
    lab: Lab, target: str
) -> None:
    lab.write("asks", ASKS)
    with pytest.raises(SandboxError) as failed:
        lab.worker(policy("basic"), target=target, callbacks={"fails": fails}).call(
            "ask"
        )
    error = failed.value
    cause = error.__cause__

    assert isinstance(cause, RuntimeError)
    assert "__cause__" in error.hint
    assert [one.name for one in traceback.extract_tb(cause.__traceback__)] == ["fails"]
    assert "s3cret" not in str(error)  # what the worker was told


def test_an_error_that_is_not_the_callbacks_has_no_such_cause(lab: Lab) -> None:
    lab.write("asks", ASKS)
    worker = lab.worker(
        policy("basic"), target="asks:build", callbacks={"fails": fails}
    )
    with worker, pytest.raises(SandboxError, match="of its own") as failed:
        worker.call("goes on")
    assert failed.value.__cause__ is None


def test_a_refusal_with_words_for_the_worker_is_the_cause_too(lab: Lab) -> None:
    def refuses(_: object) -> object:
        raise PermissionError("not this one")

    lab.write("asks", ASKS)
    worker = lab.worker(
        policy("basic"), target="asks:build", callbacks={"fails": refuses}
    )
    with worker, pytest.raises(SandboxError, match="not this one") as failed:
        worker.call("ask")
    assert isinstance(failed.value.__cause__, PermissionError)

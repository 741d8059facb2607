"""Many calls under way at once: order, batches, threads, cancellation, deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lockgate_sandbox import (
    CancelledError,
    ClosedError,
    PolicyError,
    RemoteError,
    WallLimitError,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox.errors import Data
from tests.support.flow import ASYNC, PLAIN, up
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel


@pytest.fixture
def plain(lab: Lab) -> Iterator[Worker]:
    lab.write("flow_plain", PLAIN)
    callbacks = {"up": up}
    with lab.worker(policy(), target="flow_plain:build", callbacks=callbacks) as worker:
        yield worker


@pytest.fixture
def coroutines(lab: Lab) -> Iterator[Worker]:
    lab.write("flow_async", ASYNC)
    callbacks = {"up": up}
    with lab.worker(policy(), target="flow_async:build", callbacks=callbacks) as worker:
        yield worker


def test_answers_come_in_the_order_of_the_asking(plain: Worker) -> None:
    replies = plain.map("echo", ({"n": n} for n in range(1000)), in_flight=64)
    assert [reply.value for reply in replies] == [{"n": n} for n in range(1000)]


def test_results_may_be_fetched_in_any_order(plain: Worker) -> None:
    pending = [plain.submit("echo", {"n": n}) for n in range(100)]
    values = [one.result().value for one in reversed(pending)]
    assert values == [{"n": n} for n in reversed(range(100))]
    assert pending[5].result().value == {"n": 5}


def test_one_failure_among_many_is_its_own(plain: Worker) -> None:
    good = plain.submit("echo", {"n": 1})
    bad = plain.submit("fail", {"text": "this one"})
    unfit = plain.submit("unfit")
    last = plain.submit("echo", {"n": 2})
    assert last.result().value == {"n": 2}
    with pytest.raises(RemoteError, match="this one"):
        bad.result()
    with pytest.raises(RemoteError, match="TypeError"):
        unfit.result()
    assert good.result().value == {"n": 1}


def test_arguments_that_may_not_cross_spoil_only_their_call(plain: Worker) -> None:
    good = plain.submit("echo", {"n": 1})
    bad = plain.submit("echo", {"n": object()})  # type: ignore[dict-item]
    assert good.result().value == {"n": 1}
    with pytest.raises(PolicyError, match="arguments"):
        bad.result()


def test_what_is_printed_comes_with_an_answer(plain: Worker) -> None:
    pending = [plain.submit("say", {"text": str(n)}) for n in range(5)]
    printed = "".join(one.result().output for one in pending)
    assert printed == "0\n1\n2\n3\n4\n"


def test_more_calls_than_may_be_under_way_wait(plain: Worker) -> None:
    pending = [plain.submit("echo", {"n": n}) for n in range(1500)]
    assert [one.result().value for one in pending] == [{"n": n} for n in range(1500)]


@pytest.mark.parametrize("in_flight", [0, 1025])
def test_a_senseless_number_in_flight_is_refused(plain: Worker, in_flight: int) -> None:
    with pytest.raises(PolicyError, match="in_flight"):
        list(plain.map("echo", [{}], in_flight=in_flight))


def test_large_calls_and_answers_that_cross_do_not_block_each_other(
    plain: Worker,
) -> None:
    data = bytes(3 << 20)
    replies = plain.map("echo", ({"data": data} for _ in range(12)), in_flight=6)
    assert [reply.value for reply in replies] == [{"data": data}] * 12


def test_coroutines_overlap(coroutines: Worker) -> None:
    started = time.monotonic()
    calls = [{"seconds": 0.2}] * 40
    replies = list(coroutines.map("nap", calls, in_flight=40))
    assert len(replies) == 40
    assert time.monotonic() - started < 4  # one after the other: 8 s


def test_a_coroutine_asks_the_host(coroutines: Worker) -> None:
    assert coroutines.call("asks", {"n": 5}).value == [100, 101, 102, 103, 104]
    assert coroutines.call("gathers", {"n": 20}).value == [n + 100 for n in range(20)]
    assert coroutines.call("asks_plainly", {"n": 1}).value == 101


def test_plain_functions_and_generators_live_beside_coroutines(
    coroutines: Worker,
) -> None:
    assert coroutines.call("nap", {"seconds": 0}).value == 0
    assert coroutines.call("plain", {"n": 1}).value == 2
    assert list(coroutines.stream("plain_count", {"n": 40})) == list(range(40))


def test_an_exception_of_a_coroutine_is_reported(coroutines: Worker) -> None:
    with pytest.raises(RemoteError) as caught:
        coroutines.call("fail")
    assert caught.value.type == "KeyError"
    assert coroutines.alive


def test_a_quick_call_overtakes_a_slow_coroutine(coroutines: Worker) -> None:
    slow = coroutines.submit("nap", {"seconds": 0.8})
    coroutines.flush()
    assert coroutines.call("plain", {"n": 1}).value == 2
    assert not slow.done
    assert slow.result().value == 0.8


def test_threads_share_a_worker_of_coroutines(coroutines: Worker) -> None:
    seen: list[Data] = []

    def ask(number: int) -> None:
        for n in range(10):
            reply = coroutines.call("gathers", {"n": number})
            seen.append(reply.value == [i + 100 for i in range(number)] and n >= 0)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 80


def test_callbacks_run_on_the_thread_of_their_own_call(lab: Lab) -> None:
    seen: dict[int, set[int]] = {}

    def up(arguments: dict[str, Data]) -> Data:
        number = arguments["n"]
        assert isinstance(number, int)
        seen.setdefault(number, set()).add(threading.get_ident())
        return number

    lab.write("flow_async", ASYNC)
    worker = lab.worker(policy(), target="flow_async:build", callbacks={"up": up})
    idents: dict[int, int] = {}

    def ask(number: int) -> None:
        idents[number] = threading.get_ident()
        for _ in range(20):
            worker.call("asks_plainly", {"n": number})

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.close()
    assert seen == {number: {ident} for number, ident in idents.items()}


def test_a_cancelled_coroutine_ends_and_the_worker_lives(coroutines: Worker) -> None:
    pending = coroutines.submit("for_ever")
    coroutines.flush()
    assert coroutines.call("plain", {"n": 0}).value == 1
    pending.cancel()
    with pytest.raises(CancelledError):
        pending.result()
    assert coroutines.call("was_cancelled").value is True


def test_a_call_that_has_not_begun_need_not_begin(plain: Worker) -> None:
    first = plain.submit("nap", {"seconds": 0.3})
    second = plain.submit("nap", {"seconds": 60})
    plain.flush()
    second.cancel()
    assert first.result().value == 0.3
    with pytest.raises(CancelledError):
        second.result()
    assert plain.alive


def test_a_timeout_of_a_coroutine_leaves_the_worker_alive(coroutines: Worker) -> None:
    other = coroutines.submit("nap", {"seconds": 0.6})
    coroutines.flush()
    with pytest.raises(WallLimitError) as caught:
        coroutines.call("for_ever", timeout=0.2)
    assert caught.value.limit == 0.2
    assert other.result().value == 0.6
    assert coroutines.alive


def test_a_timeout_of_what_will_not_end_kills(coroutines: Worker) -> None:
    with pytest.raises(WallLimitError):
        coroutines.call("stubborn", timeout=0.2)
    assert not coroutines.alive


def test_a_timeout_reaches_a_plain_function_that_asks_the_host(plain: Worker) -> None:
    with pytest.raises(WallLimitError):
        plain.call("nap_asking", {"seconds": 30}, timeout=0.2)
    assert plain.alive


def test_the_wall_limit_kills_whatever_else_is_under_way(lab: Lab) -> None:
    lab.write("flow_async", ASYNC)
    given = policy(limits={"wall_seconds": 0.4})
    with lab.worker(given, target="flow_async:build") as worker:
        calls = [worker.submit("for_ever") for _ in range(3)]
        with pytest.raises(WallLimitError):
            calls[0].result()
        for call in calls[1:]:
            with pytest.raises(ClosedError, match="wall-clock limit"):
                call.result()
        assert not worker.alive


def test_every_waiting_thread_learns_of_a_death(plain: Worker) -> None:
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            plain.call("nap", {"seconds": 60})
        except (WorkerDiedError, ClosedError) as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    plain.kill()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 5
    assert sum(isinstance(error, WorkerDiedError) for error in errors) == 1


_HOG = """
import asyncio, time

def build(session):
    async def handler(method, arguments):
        if method == "ask":
            numbers = range(arguments["n"])
            return [await session.acall_host("up", {"n": n}) for n in numbers]
        if method == "hog":
            for _ in range(5):
                await asyncio.sleep(0)
                time.sleep(0.1)
        return arguments

    return handler
"""
_LONG = "y" * (4 << 20)


def _long(_: dict[str, Data]) -> Data:
    return "z" * 200_000


def test_answers_to_the_worker_never_come_in_the_middle_of_a_frame(lab: Lab) -> None:
    lab.write("flow_hog", _HOG)
    callbacks = {"up": up}
    with lab.worker(policy(), target="flow_hog:build", callbacks=callbacks) as worker:
        asking = [worker.submit("ask", {"n": 50}) for _ in range(10)]
        hog = worker.submit("hog")
        for _ in range(3):
            assert worker.call("echo", {"x": _LONG}).value == {"x": _LONG}
        assert hog.result().value == {}
        for one in asking:
            assert one.result().value == [n + 100 for n in range(50)]


def test_one_thread_sends_much_while_another_one_waits(plain: Worker) -> None:
    naps: list[Data] = []

    def nap() -> None:
        naps.append(plain.call("nap", {"seconds": 0.5}).value)

    thread = threading.Thread(target=nap)
    thread.start()
    time.sleep(0.1)
    assert plain.call("echo", {"x": _LONG}).value == {"x": _LONG}
    thread.join()
    assert naps == [0.5]


def test_threads_that_send_much_and_threads_that_answer_do_not_lock(lab: Lab) -> None:
    lab.write("flow_hog", _HOG)
    callbacks = {"up": _long}
    values: list[Data] = []

    def use(worker: Worker, number: int) -> None:
        for _ in range(3):
            if number % 2:
                values.append(worker.call("echo", {"x": _LONG}).value)
            else:
                values.append(worker.call("ask", {"n": 20}).value)

    with lab.worker(policy(), target="flow_hog:build", callbacks=callbacks) as worker:
        threads = [threading.Thread(target=use, args=(worker, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert values.count({"x": _LONG}) == 9
    assert sum(value == [_long({})] * 20 for value in values) == 9


def test_answers_that_another_thread_has_read_count_no_longer(lab: Lab) -> None:
    lab.write("flow_hog", _HOG)
    given = policy(limits={"message_bytes": 1 << 20})
    text = "x" * 50_000
    values: list[Data] = []

    def use(worker: Worker) -> None:
        for _ in range(100):
            values.append(worker.call("echo", {"x": text}).value)

    with lab.worker(given, target="flow_hog:build") as worker:
        threads = [threading.Thread(target=use, args=(worker,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert values.count({"x": text}) == 400


def test_answers_that_are_too_large_together_come_one_by_one(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    given = policy(limits={"message_bytes": 1 << 20})
    with lab.worker(given, target="flow_plain:build") as worker:
        data = bytes(200_000)
        pending = [worker.submit("make", {"size": len(data)}) for _ in range(20)]
        assert [one.result().value for one in pending] == [data] * 20

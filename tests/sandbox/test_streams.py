"""Items out, items in, both at once: order, credit, cancellation and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lockgate_sandbox import CancelledError, PolicyError, RemoteError, Worker
from lockgate_sandbox.errors import Data
from tests.support.flow import ASYNC, PLAIN, up
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel


@pytest.fixture(params=["plain", "async"])
def flow(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A worker of either kind; what both offer they offer alike."""
    lab.write("flow_plain", PLAIN)
    lab.write("flow_async", ASYNC)
    target = f"flow_{request.param}:build"
    with lab.worker(policy(), target=target, callbacks={"up": up}) as worker:
        yield worker


@pytest.fixture
def plain(lab: Lab) -> Iterator[Worker]:
    lab.write("flow_plain", PLAIN)
    callbacks = {"up": up}
    with lab.worker(policy(), target="flow_plain:build", callbacks=callbacks) as worker:
        yield worker


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 500])
def test_items_arrive_in_order(flow: Worker, count: int) -> None:
    stream = flow.stream("count", {"n": count})
    assert list(stream) == list(range(count))
    assert stream.result.value in ("counted", None)


def test_the_result_of_a_stream_can_be_had_without_its_items(plain: Worker) -> None:
    assert plain.stream("count", {"n": 100}).result.value == "counted"


@pytest.mark.parametrize("count", [0, 1, 16, 17, 1000])
def test_items_of_ours_reach_the_handler(flow: Worker, count: int) -> None:
    stream = flow.stream("total", items=range(count))
    assert stream.result.value == sum(range(count))


def test_items_go_both_ways_at_once(flow: Worker) -> None:
    stream = flow.stream("double", items=range(300))
    assert list(stream) == [n * 2 for n in range(300)]


def test_an_item_that_may_not_cross_ends_the_stream_only(flow: Worker) -> None:
    items: list[Any] = [1, 2, object()]
    with pytest.raises(PolicyError, match=r"an item: .*object"):
        flow.stream("total", items=items).result  # noqa: B018
    assert flow.stream("total", items=[1, 2]).result.value == 3


def test_a_handler_need_not_look_at_our_items(plain: Worker) -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    assert plain.stream("ignore_items", items=source()).result.value == "never looked"
    assert len(taken) <= 17
    assert plain.call("echo", {"x": 1}).value == {"x": 1}


def test_a_worker_makes_no_more_items_than_it_has_credit_for(plain: Worker) -> None:
    with plain.stream("endless") as stream:
        assert [next(stream) for _ in range(3)] == [0, 1, 2]
        assert stream.unread <= 16
    assert plain.call("was_closed").value is True


def test_a_stream_that_is_left_is_closed_in_the_worker(flow: Worker) -> None:
    with flow.stream("count", {"n": 100_000}) as stream:
        assert next(stream) == 0
    assert flow.alive
    assert list(flow.stream("count", {"n": 3})) == [0, 1, 2]


def test_callbacks_run_between_items(plain: Worker) -> None:
    assert list(plain.stream("asks", {"n": 50})) == [n + 100 for n in range(50)]


def test_an_error_in_the_middle_comes_after_the_items(plain: Worker) -> None:
    stream = plain.stream("fails_midway")
    assert next(stream) == 1
    with pytest.raises(RemoteError, match="midway"):
        next(stream)
    assert plain.alive


def test_an_item_that_is_no_data_is_a_type_error(plain: Worker) -> None:
    with pytest.raises(RemoteError) as caught:
        list(plain.stream("yields_objects"))
    assert caught.value.type == "TypeError"
    assert plain.alive


def test_an_error_of_our_source_is_ours_and_ends_the_call(plain: Worker) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise LookupError

    with pytest.raises(LookupError):
        list(plain.stream("double", items=source()))
    assert plain.call("echo", {"x": 1}).value == {"x": 1}


def test_a_handler_that_gives_items_wants_to_be_streamed(flow: Worker) -> None:
    with pytest.raises(RemoteError, match=r"Worker\.stream"):
        flow.call("count", {"n": 3})
    assert flow.alive


def test_a_plain_answer_to_a_stream_is_its_result(plain: Worker) -> None:
    stream = plain.stream("echo", {"x": 1})
    assert list(stream) == []
    assert stream.result.value == {"x": 1}


def test_a_stream_is_over_after_it_was_cancelled(plain: Worker) -> None:
    stream = plain.stream("endless")
    next(stream)
    stream.close()
    stream.close()
    with pytest.raises(CancelledError):
        next(stream)
    assert plain.alive


def test_large_items_arrive_whole(plain: Worker) -> None:
    got = list(plain.stream("blobs", {"n": 20, "size": 1 << 20}))
    assert got == [bytes([n]) * (1 << 20) for n in range(20)]


def test_two_threads_read_two_streams_of_one_worker(flow: Worker) -> None:
    results: list[list[Data]] = []
    name = "count"

    def read() -> None:
        results.append(list(flow.stream(name, {"n": 200})))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(200))] * 4


def test_a_callback_may_not_stream_from_its_own_worker(lab: Lab) -> None:
    workers: list[Worker] = []

    def again(_: dict[str, Data]) -> Data:
        with pytest.raises(PolicyError, match="may not call it again"):
            workers[0].stream("count", {"n": 1})
        return 1

    lab.write("flow_plain", PLAIN)
    workers.append(
        lab.worker(policy(), target="flow_plain:build", callbacks={"up": again})
    )
    with workers[0] as worker:
        assert list(worker.stream("asks", {"n": 2})) == [1, 1]

"""Awaited calls and streams: together, cancelled, timed, closed in the middle."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from lockgate_sandbox import (
    AsyncWorker,
    ClosedError,
    MessageLimitError,
    PolicyError,
    RemoteError,
    SandboxError,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.errors import Data
from tests.sandbox.awaited import Run, runner, threads, up, up_plain
from tests.support.flow import ASYNC, PLAIN
from tests.support.sandbox import Lab, policy, wait_until

pytestmark = pytest.mark.kernel


@pytest.fixture
def plain(lab: Lab) -> Run:
    lab.write("flow_plain", PLAIN)
    callbacks = {"up": up_plain}
    return runner(lab.worker(policy(), target="flow_plain:build", callbacks=callbacks))


@pytest.fixture
def coroutines(lab: Lab) -> Run:
    lab.write("flow_async", ASYNC)
    callbacks = {"up": up}
    return runner(lab.worker(policy(), target="flow_async:build", callbacks=callbacks))


@pytest.fixture(params=["plain", "async"])
def flow(lab: Lab, request: pytest.FixtureRequest) -> Run:
    """A worker of either kind, with either kind of callback."""
    lab.write("flow_plain", PLAIN)
    lab.write("flow_async", ASYNC)
    callbacks = {"up": up if request.param == "plain" else up_plain}
    target = f"flow_{request.param}:build"
    return runner(lab.worker(policy(), target=target, callbacks=callbacks))


def test_many_awaited_calls_get_their_own_answers(plain: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        calls = (worker.call("echo", {"n": n}) for n in range(1500))
        replies = await asyncio.gather(*calls)
        assert [reply.value for reply in replies] == [{"n": n} for n in range(1500)]

    plain(body)


def test_coroutines_of_the_worker_overlap(coroutines: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        started = time.monotonic()
        await asyncio.gather(*(worker.call("nap", {"seconds": 0.2}) for _ in range(40)))
        assert time.monotonic() - started < 4  # one after the other: 8 s

    coroutines(body)


def test_callbacks_of_either_kind_answer(flow: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        items: Data
        if await _is_plain(worker):
            items = [item async for item in worker.stream("asks", {"n": 70})]
        else:
            items = (await worker.call("gathers", {"n": 200})).value
        assert isinstance(items, list)
        assert items == [n + 100 for n in range(len(items))]
        assert len(items) >= 70

    flow(body)


async def _is_plain(worker: AsyncWorker) -> bool:
    try:
        await worker.call("was_closed")
    except RemoteError:
        return False
    return True


@pytest.mark.parametrize("count", [0, 1, 16, 17, 500])
def test_items_arrive_in_order(flow: Run, count: int) -> None:
    async def body(worker: AsyncWorker) -> None:
        stream = worker.stream("count", {"n": count})
        assert [item async for item in stream] == list(range(count))
        assert (await stream.result()).value in ("counted", None)

    flow(body)


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_items_of_ours_reach_the_handler(flow: Run, kind: str) -> None:
    async def source() -> AsyncIterator[Data]:
        for n in range(300):
            await asyncio.sleep(0)
            yield n

    async def body(worker: AsyncWorker) -> None:
        items = range(300) if kind == "plain" else source()
        doubled = [item async for item in worker.stream("double", items=items)]
        assert doubled == [n * 2 for n in range(300)]
        total = await worker.stream("total", items=range(100)).result()
        assert total.value == sum(range(100))

    flow(body)


def test_a_handler_need_not_look_at_our_items(plain: Run) -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    async def body(worker: AsyncWorker) -> None:
        reply = await worker.stream("ignore_items", items=source()).result()
        assert reply.value == "never looked"
        assert len(taken) <= 17
        assert (await worker.call("echo", {"x": 1})).value == {"x": 1}

    plain(body)


def test_an_error_of_our_source_or_of_one_item_ends_its_stream_only(
    flow: Run,
) -> None:
    def source(last: object) -> Iterator[Any]:
        yield 1
        if last is None:
            msg = "our own"
            raise KeyError(msg)
        yield last

    async def body(worker: AsyncWorker) -> None:
        with pytest.raises(KeyError, match="our own"):
            await worker.stream("double", items=source(None)).result()
        with pytest.raises(PolicyError, match="an item"):
            await worker.stream("double", items=source(object())).result()
        assert [x async for x in worker.stream("double", items=[4])] == [8]

    flow(body)


def test_leaving_a_stream_ends_its_generator(plain: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        async for item in worker.stream("endless"):
            if item == 40:
                break
        gc.collect()
        assert (await worker.call("was_closed")).value is True
        async with worker.stream("endless") as stream:
            assert await anext(stream) == 0
            assert await anext(stream) == 1
        assert (await worker.call("was_closed")).value is True

    plain(body)


def test_an_error_in_the_middle_comes_after_the_items_before_it(plain: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        async with worker.stream("fails_midway") as stream:
            assert await anext(stream) == 1
            with pytest.raises(RemoteError, match="midway"):
                await anext(stream)
        with pytest.raises(RemoteError, match="midway"):
            await worker.stream("fails_midway").result()

    plain(body)


def test_map_keeps_the_order_and_may_be_left(flow: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        method = "echo" if await _is_plain(worker) else "plain"
        calls = ({"n": n} for n in range(300))
        values = [reply.value async for reply in worker.map(method, calls)]
        want = [{"n": n} if method == "echo" else n + 1 for n in range(300)]
        assert values == want
        replies = worker.map(method, ({"n": n} for n in range(10_000)), in_flight=8)
        assert (await anext(replies)).value == want[0]
        await replies.aclose()
        assert worker.alive
        with pytest.raises(PolicyError, match="in_flight"):
            await anext(worker.map(method, [], in_flight=0))

    flow(body)


def test_a_cancelled_task_cancels_its_call_and_spares_the_worker(
    coroutines: Run,
) -> None:
    async def body(worker: AsyncWorker) -> None:
        task = asyncio.create_task(worker.call("for_ever"))
        await worker.call("plain", {"n": 1})
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await worker.call("was_cancelled")).value is True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.call("for_ever"), 0.05)
        assert (await worker.call("plain", {"n": 1})).value == 2

    coroutines(body)


def test_a_failing_task_group_cancels_the_others(coroutines: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        with pytest.RaisesGroup(RemoteError):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(worker.call("for_ever"))
                group.create_task(worker.call("fail"))
        assert (await worker.call("was_cancelled")).value is True

    coroutines(body)


def test_a_worker_that_does_not_end_a_cancelled_call_is_killed(coroutines: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        other = asyncio.create_task(worker.call("nap", {"seconds": 30}))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.call("stubborn"), 0.05)
        assert not worker.alive
        with pytest.raises(SandboxError):
            await other
        with pytest.raises(ClosedError):
            await worker.call("plain", {"n": 1})

    coroutines(body)


def test_patience_lets_a_plain_handler_come_to_its_end(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    worker = lab.worker(policy(), target="flow_plain:build")

    async def main() -> None:
        async with AsyncWorker(worker, patience=10) as patient:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(patient.call("nap", {"seconds": 1}), 0.05)
            assert (await patient.call("echo", {"x": 1})).value == {"x": 1}

    asyncio.run(main())


def test_a_timeout_asks_the_worker_to_end_the_call(coroutines: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        with pytest.raises(WallLimitError):
            await worker.call("for_ever", timeout=0.05)
        assert (await worker.call("was_cancelled")).value is True

    coroutines(body)


def test_the_wall_limit_holds(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    short = policy(limits={"wall_seconds": 0.3})

    async def body(worker: AsyncWorker) -> None:
        with pytest.raises(WallLimitError):
            await worker.call("nap", {"seconds": 30})

    runner(lab.worker(short, target="flow_plain:build"))(body)


def test_closing_ends_the_calls_under_way(coroutines: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        calls = [asyncio.create_task(worker.call("for_ever")) for _ in range(10)]
        await worker.call("plain", {"n": 1})
        await worker.aclose()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(end) for end in ends} <= {WorkerDiedError, ClosedError}
        with pytest.raises(ClosedError):
            await worker.call("plain", {"n": 1})

    coroutines(body)


def test_what_may_not_cross_spoils_only_its_call(plain: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        odd: Any = {"n": object()}
        too_much = worker.worker.policy.limits.message_bytes + 1
        results = await asyncio.gather(
            worker.call("echo", {"n": 1}),
            worker.call("echo", odd),
            worker.call("echo", {"data": bytes(too_much)}),
            worker.call("fail", {"text": "this one"}),
            return_exceptions=True,
        )
        kinds = [type(result).__name__ for result in results]
        assert kinds == ["Reply", "PolicyError", "MessageLimitError", "RemoteError"]
        assert isinstance(results[2], MessageLimitError)
        assert (await worker.call("echo", {"n": 2})).value == {"n": 2}

    plain(body)


def test_large_calls_and_answers_cross(plain: Run) -> None:
    async def body(worker: AsyncWorker) -> None:
        data = bytes(3 << 20)
        calls = (worker.call("echo", {"data": data}) for _ in range(24))
        assert all(r.value == {"data": data} for r in await asyncio.gather(*calls))

    plain(body)


def test_threads_call_the_worker_beside_the_loop(coroutines: Run) -> None:
    seen: list[Data] = []

    async def body(worker: AsyncWorker) -> None:
        def ask() -> None:
            for n in range(50):
                seen.append(worker.worker.call("plain", {"n": n}).value)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            calls = (worker.call("gathers", {"n": 3}) for _ in range(8))
            for reply in await asyncio.gather(*calls):
                assert reply.value == [100, 101, 102]
        assert sorted(str(value) for value in seen) == sorted(
            str(n + 1) for n in range(50) for _ in range(3)
        )

    coroutines(body)


def test_another_loop_is_refused(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    with lab.worker(policy(), target="flow_plain:build") as plain:

        async def make() -> AsyncWorker:
            return AsyncWorker(plain)

        async def use(worker: AsyncWorker) -> None:
            await worker.call("echo")

        worker = asyncio.run(make())
        with pytest.raises(PolicyError, match="another event loop"):
            asyncio.run(use(worker))


def test_the_threads_end_with_a_forgotten_worker(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    with lab.worker(policy(), target="flow_plain:build") as plain:

        async def use() -> None:
            assert (await AsyncWorker(plain).call("echo", {"x": 1})).value == {"x": 1}

        asyncio.run(use())
        gc.collect()
        assert wait_until(lambda: not threads())
        assert plain.call("echo", {"x": 2}).value == {"x": 2}

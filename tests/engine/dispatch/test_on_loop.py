"""What is awaited in the host: in the caller's task, and otherwise a call like any."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._record.trace import current, tracing
from lockgate.aio import AsyncHost
from lockgate.errors import (
    HookError,
    HookTimeoutError,
    InputRefusedError,
    LockgateError,
)
from lockgate.host import Answers, Host
from lockgate.values import Document, Task
from tests.support.host_plugins import Site, manifest_of, trusted_in_host

AWAITED = """
import asyncio, threading, time
from lockgate.plugin import Reason, RefusedError, hookimpl
import tests.engine.dispatch.test_on_loop as test

async def act(name, wishes):
    wish = wishes.get(name, "none")
    await asyncio.sleep(0)
    if wish == "good":
        return 0.5
    if wish == "raise":
        raise KeyError(name)
    if wish == "refuse":
        raise RefusedError([Reason("here", "no", "why")])
    if wish == "exit":
        raise SystemExit(3)
    if wish == "wrong":
        return "text"
    if wish == "spoil":
        wishes.clear()
        return 0.5
    return None

@hookimpl
async def can_handle(task):
    return await act("{name}", task.documents)

@hookimpl
async def check_pipeline(pipeline):
    test.seen.append(("{name}", threading.get_ident(), asyncio.current_task()))
    return (test.said.get(), test.current.get().trace_id)

@hookimpl
async def run_pipeline(pipeline, context):
    return await test.awaited[pipeline["what"]]()

@hookimpl
async def complete_stream(task):
    try:
        for number in range(1000):
            test.seen.append(number)
            yield str(number)
            await asyncio.sleep(task.documents.get("seconds", 0))
    finally:
        await asyncio.sleep(0)
        test.seen.append("ended")
"""

BLOCKING = """
import time
from lockgate.plugin import hookimpl
import tests.engine.dispatch.test_on_loop as test

@hookimpl
def can_handle(task):
    test.threads.add(test.threading.get_ident())
    time.sleep(task.documents.get("seconds", 0))
    wish = task.documents.get("{name}", "none")
    if wish == "raise":
        raise KeyError("{name}")
    return 0.25 if wish == "good" else None
"""

SEALED = """
from lockgate.plugin import hookimpl

@hookimpl
async def can_handle(task):
    wish = task.documents.get("{name}", "none")
    if wish == "raise":
        raise KeyError("{name}")
    return 0.125 if wish == "good" else None
"""

NAMES = ("awaited", "blocking", "later", "sealed")
WISHES = ("none", "good", "raise", "refuse", "exit", "wrong", "spoil")

said: contextvars.ContextVar[str] = contextvars.ContextVar("said", default="nothing")
seen: list[object] = []
threads: set[int] = set()
awaited: dict[str, Callable[[], Coroutine[Any, Any, Document]]] = {}

__all__ = ["awaited", "current", "said", "seen", "threading", "threads"]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, AsyncHost]]:
    """The same plugins twice: three in this process and a sealed one."""
    site = Site(tmp_path_factory.mktemp("on-loop"))
    hooks = ("can_handle", "check_pipeline", "run_pipeline", "complete_stream")
    for name in ("awaited", "later"):
        answers = hooks if name == "awaited" else hooks[:1]
        manifest = manifest_of(
            name,
            kinds='service", "ai',
            tier="system",
            hooks={hook: hook for hook in answers},
        )
        site.add(name, AWAITED.format(name=name), manifest=manifest)
    one = {"can_handle": "can_handle"}
    site.add(
        "blocking",
        BLOCKING.format(name="blocking"),
        manifest=manifest_of("blocking", kinds="ai", tier="system", hooks=one),
    )
    site.add(
        "sealed",
        SEALED.format(name="sealed"),
        manifest=manifest_of("sealed", kinds="ai", hooks=one),
    )
    with trusted_in_host(site.folder, NAMES[:3]), site.open() as host:
        twin = AsyncHost.open(site.config, search_path=[site.folder])
        yield host, twin
        asyncio.run(twin.close())


@pytest.fixture
def host(hosts: tuple[Host, AsyncHost]) -> AsyncHost:
    seen.clear()
    threads.clear()
    return hosts[1]


def told(error: LockgateError) -> object:
    """All that a caller can tell of a failure."""
    said_of = dict(error.to_dict())
    del said_of["trace"]
    said_of.pop("traceback", None)  # it names the place, which differs
    return type(error), said_of


def outcome(answers: Answers[float]) -> object:
    rows = [{**asdict(answer), "seconds": 0} for answer in answers.items]
    return [(row["plugin"], row["value"]) for row in rows], answers.asked


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WISHES)))
def test_awaited_or_not_a_call_has_the_same_outcome(
    hosts: tuple[Host, AsyncHost], wishes: dict[str, str]
) -> None:
    plain, twin = hosts
    task = Task("kind", documents=dict(wishes))
    results: list[object] = []

    def awaited_call() -> Answers[float]:
        return asyncio.run(twin.call("can_handle", task=task))

    def plain_call() -> Answers[float]:
        return plain.call("can_handle", task=task)

    for call in (plain_call, awaited_call):
        try:
            results.append(outcome(call()))
        except LockgateError as error:
            results.append(told(error))

    assert results[0] == results[1]
    assert task.documents == wishes  # nobody spoils what is the caller's


def test_it_runs_in_the_callers_task_and_context(host: AsyncHost) -> None:
    async def scenario() -> None:
        said.set("hello")
        for _ in range(2):  # also when it has to be imported first
            with tracing() as span:
                answers = await host.call("check_pipeline", pipeline={})
            assert answers.first == ("hello", span.trace_id)
        assert current.get() is None
        here = ("awaited", threading.get_ident(), asyncio.current_task())
        assert seen == [here, here]

    asyncio.run(scenario())


def test_what_blocks_does_not_block_the_loop(host: AsyncHost) -> None:
    async def scenario() -> int:
        ticks = 0
        task = Task("kind", documents={"awaited": "good", "seconds": 0.3})
        call = asyncio.ensure_future(host.call("can_handle", task=task))
        while not call.done():
            ticks += 1
            await asyncio.sleep(0.01)
        assert (await call).asked == NAMES
        return ticks

    assert asyncio.run(scenario()) > 5
    assert threading.get_ident() not in threads


def test_calls_run_side_by_side(host: AsyncHost) -> None:
    async def scenario() -> None:
        met = asyncio.Barrier(50)

        async def meet() -> Document:
            await met.wait()  # each waits for all others
            return {"met": True}

        awaited["meet"] = meet
        calls = (
            host.call("run_pipeline", pipeline={"what": "meet"}) for _ in range(50)
        )
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*calls)
        assert [answer.first for answer in answers] == [{"met": True}] * 50

    asyncio.run(scenario())


def endless(events: list[str]) -> Callable[[], Coroutine[Any, Any, Document]]:
    async def wait() -> Document:
        events.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            events.append("ended")
        return {}

    return wait


def test_a_cancelled_call_has_ended_when_its_caller_goes_on(host: AsyncHost) -> None:
    events: list[str] = []
    awaited["wait"] = endless(events)

    async def scenario() -> None:
        call = asyncio.ensure_future(
            host.call("run_pipeline", pipeline={"what": "wait"})
        )
        while not events:
            await asyncio.sleep(0.01)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()
        assert events == ["begun", "ended"]
        assert host.calls()[-1].outcome == "interrupted"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await host.call("run_pipeline", pipeline={"what": "wait"})

    asyncio.run(scenario())
    assert events == ["begun", "ended"] * 2


def test_a_call_whose_time_is_over_is_ended(host: AsyncHost) -> None:
    events: list[str] = []
    awaited["wait"] = endless(events)

    async def scenario() -> None:
        started = time.monotonic()
        with pytest.raises(HookTimeoutError) as caught:
            await host.call("run_pipeline", pipeline={"what": "wait"}, timeout=0.2)
        assert time.monotonic() - started < 20
        assert caught.value.plugin == "awaited"

    asyncio.run(scenario())
    assert events == ["begun", "ended"]


def test_who_is_cancelled_by_nobody_has_failed(host: AsyncHost) -> None:
    async def give_up() -> Document:
        raise asyncio.CancelledError

    async def late() -> Document:
        raise TimeoutError("of its own")

    awaited.update(give_up=give_up, late=late)

    async def scenario() -> None:
        for what, said_so in (("give_up", "was cancelled"), ("late", "of its own")):
            with pytest.raises(HookError, match=said_so) as caught:
                await host.call("run_pipeline", pipeline={"what": what})
            assert type(caught.value) is HookError
            assert caught.value.code == "hook-failed"

    asyncio.run(scenario())


def test_a_refusal_is_a_refusal(host: AsyncHost) -> None:
    task = Task("kind", documents={"awaited": "refuse"})
    with pytest.raises(InputRefusedError, match="why"):
        asyncio.run(host.call("can_handle", plugin="awaited", task=task))


def test_a_stream_makes_no_more_than_is_read(host: AsyncHost) -> None:
    async def scenario() -> None:
        async with host.stream("complete_stream", task=Task("k")) as stream:
            for number in range(5):
                assert (await anext(stream)).value == str(number)
                await asyncio.sleep(0.01)
                assert seen == [*range(number + 1)]
        assert seen == [*range(5), "ended"]
        assert stream.asked == ("awaited",)

    asyncio.run(scenario())


def test_a_stream_that_nobody_waits_for_any_more_has_ended(host: AsyncHost) -> None:
    slow = Task("k", documents={"seconds": 60})

    async def read(timeout: float | None = None) -> None:
        async for _ in host.stream("complete_stream", task=slow, timeout=timeout):
            pass

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.2)
        assert seen == [0, "ended"]
        with pytest.raises(HookTimeoutError):
            await read(timeout=0.2)
        assert seen == [0, "ended"] * 2

    asyncio.run(scenario())


def test_a_stream_that_is_left_early_ends(host: AsyncHost) -> None:
    async def scenario() -> None:
        async for item in host.stream("complete_stream", task=Task("k")):
            assert item == ("awaited", "0")
            break
        while "ended" not in seen:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert seen == [0, "ended"]

"""A first call that follows its START: the time it has, who answers meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Data,
    MessageLimitError,
    Policy,
    SandboxError,
    StartError,
    WallLimitError,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.aio import AsyncWorker
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_MODULES = {
    "slow": """
        import time
        time.sleep(30)
        """,
    "late": """
        import time
        time.sleep(0.4)
        print("imported")
        def build(session):
            def handler(method, arguments):
                time.sleep(arguments.get("seconds", 0))
                return "answered"
            return handler
        """,
    "asking": """
        def build(session):
            told = [session.call_host("step")]
            def handler(method, arguments):
                if method == "stream":
                    return iter([*told, session.call_host("step")])
                return [*told, session.call_host("step")]
            return handler
        """,
    "hoarding": """
        def build(session):
            channel, call = session._channel, session._now.call
            channel.send([3, call, "x" * 3_000_000])
            return lambda *asked: "honest"
        """,
}
_LARGE: dict[str, Data] = {"data": "x" * 9_000}
_GONE = {StartError, ClosedError, WorkerDiedError}


@pytest.fixture(autouse=True)
def _modules(lab: Lab) -> None:
    for name, source in _MODULES.items():
        lab.write(name, source.replace("[3,", f"[{int(Kind.REPLY)},"))


@pytest.fixture
def lazy(lab: Lab) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(module: str, given: Policy | None = None, **options: Any) -> Worker:
        target, path = f"{module}:build", [str(lab.folder)]
        worker = lab.sandbox.worker(
            given or policy(), target=target, path=path, lazy=True, **options
        )
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


_WAYS: dict[str, Callable[[Worker, float | None], object]] = {
    "large": lambda worker, most: worker.call("any", _LARGE, timeout=most),
    "submit": lambda worker, most: worker.submit("any", timeout=most).result(),
    "map": lambda worker, most: list(worker.map("any", [{}], timeout=most)),
    "stream": lambda worker, most: list(worker.stream("any", timeout=most)),
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_target_that_is_never_built_takes_no_more_than_the_calls_timeout(
    lazy: Callable[..., Worker], way: str
) -> None:
    worker, started = lazy("slow"), time.monotonic()
    with pytest.raises(WallLimitError) as caught:
        _WAYS[way](worker, 0.3)
    assert time.monotonic() - started < 10
    assert caught.value.limit == pytest.approx(0.3)
    assert not worker.alive


@pytest.mark.parametrize("way", ["large", "stream"])
def test_nor_for_a_task(lazy: Callable[..., Worker], way: str) -> None:
    async def ask() -> None:
        async with AsyncWorker(lazy("slow")) as worker:
            call = worker.call("any", _LARGE, timeout=0.3)
            stream = worker.stream("any", timeout=0.3)
            with pytest.raises(WallLimitError):
                await (call if way == "large" else stream.result())
            call.close()

    started = time.monotonic()
    asyncio.run(ask())
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("way", ["large", "stream"])
def test_a_task_waits_for_nobody_elses_threads(
    lazy: Callable[..., Worker], way: str
) -> None:
    """The loop's executor is full: it is not asked to have the target built."""
    free = threading.Event()

    async def ask() -> bool:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as full:
            loop.set_default_executor(full)
            held = loop.run_in_executor(None, free.wait, 20)
            worker = AsyncWorker(lazy("asking", callbacks={"step": step}))
            try:
                if way == "large":
                    await worker.call("any", _LARGE, timeout=10)
                else:
                    await worker.stream("stream", timeout=10).result()
            finally:
                waited = not held.done()
                free.set()
                await worker.aclose()
        return waited

    async def step(_: dict[str, Data]) -> Data:
        return "awaited"

    assert asyncio.run(ask())


def test_a_call_has_what_its_start_has_left_of_its_seconds(
    lazy: Callable[..., Worker],
) -> None:
    worker = lazy("late")
    with pytest.raises(WallLimitError) as caught:
        worker.call("any", {**_LARGE, "seconds": 20}, timeout=1)
    assert caught.value.limit == pytest.approx(1)


def test_the_policys_seconds_are_of_both(lazy: Callable[..., Worker]) -> None:
    given = policy(limits={"wall_seconds": 1.5})
    with pytest.raises(WallLimitError):
        lazy("late", given).call("any", {**_LARGE, "seconds": 1.2})


def test_what_was_used_and_printed_is_of_both(
    lab: Lab, lazy: Callable[..., Worker]
) -> None:
    reply = lazy("late").call("any", _LARGE)
    assert (reply.value, reply.output) == ("answered", "imported\n")
    assert reply.usage.wall_seconds > 0.4
    lab.write(
        "hard",
        "for _ in range(2_000_000): pass\nbuild = lambda session: lambda *asked: 1\n",
    )
    worker = lazy("hard")
    first = worker.call("a", _LARGE).usage.cpu_seconds
    assert first > 10 * worker.call("a", _LARGE).usage.cpu_seconds

    async def ask() -> tuple[str, float]:
        async with AsyncWorker(lazy("late")) as awaiting:
            told = await awaiting.call("any", _LARGE)
            return told.output, told.usage.wall_seconds

    output, seconds = asyncio.run(ask())
    assert (output, seconds > 0.4) == ("imported\n", True)


def test_a_thread_that_waits_for_the_start_of_another_keeps_its_time(
    lazy: Callable[..., Worker],
) -> None:
    worker, errors = lazy("slow"), list[SandboxError]()

    def ask(seconds: float) -> None:
        try:
            worker.call("any", _LARGE, timeout=seconds)
        except SandboxError as error:
            errors.append(error)

    patient = threading.Thread(target=ask, args=(25,))
    patient.start()
    time.sleep(0.2)
    started = time.monotonic()
    ask(0.3)
    assert time.monotonic() - started < 10
    patient.join()
    assert len(errors) == 2


@pytest.mark.parametrize("way", ["large", "stream", "fed"])
def test_a_loop_awaits_what_the_start_asks_for_before_a_large_call(
    lazy: Callable[..., Worker], way: str
) -> None:
    async def step(_: dict[str, Data]) -> Data:
        await asyncio.sleep(0.01)
        return "awaited"

    async def ask() -> object:
        async with AsyncWorker(lazy("asking", callbacks={"step": step})) as worker:
            if way == "large":
                return (await worker.call("any", _LARGE)).value
            items = [1] if way == "fed" else None
            return [item async for item in worker.stream("stream", items=items)]

    assert asyncio.run(ask()) == ["awaited", "awaited"]


def test_a_task_that_gives_up_leaves_the_start_to_the_others(
    lazy: Callable[..., Worker],
) -> None:
    async def ask() -> Data:
        async with AsyncWorker(lazy("late")) as worker:
            first = asyncio.create_task(worker.call("any", _LARGE))
            await asyncio.sleep(0.1)
            others = [asyncio.create_task(worker.call("any")) for _ in range(40)]
            await asyncio.sleep(0.05)
            first.cancel()
            replies = await asyncio.gather(*others)
            with pytest.raises(asyncio.CancelledError):
                await first
            return [reply.value for reply in replies]

    assert asyncio.run(ask()) == ["answered"] * 40


@pytest.mark.parametrize("size", [9_000, 70_000])
def test_each_task_learns_of_a_start_that_failed(
    lab: Lab, lazy: Callable[..., Worker], size: int
) -> None:
    lab.write("raising", "def build(session): raise ValueError('not today')")

    async def ask() -> list[object]:
        async with AsyncWorker(lazy("raising")) as worker:
            calls = (worker.call("any", {"data": "x" * size}) for _ in range(20))
            return list(await asyncio.gather(*calls, return_exceptions=True))

    outcomes = asyncio.run(ask())
    assert {type(outcome) for outcome in outcomes} <= _GONE
    assert any(isinstance(outcome, StartError) for outcome in outcomes)


def test_what_a_start_brings_counts_for_nothing_once_it_is_taken(
    lazy: Callable[..., Worker],
) -> None:
    """A START that is answered with megabytes: nobody wants them, and they are gone."""

    async def ask() -> SandboxError | None:
        given = policy(limits={"message_bytes": 1 << 22})
        async with AsyncWorker(lazy("hoarding", given)) as worker:
            try:
                await worker.call("any", _LARGE)
            except SandboxError as error:
                return error
            return None

    # It has answered twice: the honest answer is one too many.
    assert not isinstance(asyncio.run(ask()), MessageLimitError)

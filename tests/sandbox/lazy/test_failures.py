"""How a lazy worker fails, and whoever asks it first is told so."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Data,
    LayerMissingError,
    OutputLimitError,
    PolicyError,
    Sandbox,
    SandboxError,
    StartError,
    WallLimitError,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.aio import AsyncWorker
from tests.sandbox.lazy.conftest import kinds_of
from tests.support.sandbox import Lab, alive, policy, wait_until

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("module", "stage"), [("missing", "import"), ("raising", "target")]
)
def test_what_keeps_it_from_being_built_is_a_start_error(
    lazy: Callable[..., Worker], module: str, stage: str
) -> None:
    worker = lazy(module)
    with pytest.raises(StartError) as caught:
        worker.call("any")
    assert caught.value.stage == stage
    assert not worker.alive
    assert wait_until(lambda: not alive(worker.pid))
    with pytest.raises(ClosedError, match="start failed"):
        worker.call("any")


@pytest.mark.parametrize("first", ["call", "large", "stream", "submit"])
def test_it_is_a_start_error_whatever_is_asked_first(
    lazy: Callable[..., Worker], first: str
) -> None:
    worker = lazy("raising")
    large: dict[str, Data] = {"data": "x" * 9_000}
    ask: dict[str, Callable[[], object]] = {
        "call": lambda: worker.call("any"),
        "large": lambda: worker.call("any", large),
        "stream": lambda: list(worker.stream("any")),
        "submit": lambda: worker.submit("any").result(),
    }
    with pytest.raises(StartError, match="not today"):
        ask[first]()


@pytest.mark.parametrize("module", ["raising", "failing"])
def test_each_thread_that_waits_learns_of_it(
    lazy: Callable[..., Worker], module: str
) -> None:
    """Also where their calls lie unread, for which the kernel resets the socket."""
    worker, errors = lazy(module), list[SandboxError]()

    def ask() -> None:
        try:
            worker.call("any")
        except SandboxError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 8
    kinds = {type(error) for error in errors}
    assert kinds == {StartError} if module == "failing" else StartError in kinds
    assert kinds <= {StartError, ClosedError}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a uid for each worker")
def test_a_missing_strict_layer_is_told_before_anything_is_asked(
    lab: Lab, tmp_path: Path, sent: list[list[Any]]
) -> None:
    # What nobody but root may read keeps its worker at uid 0.
    closed = tmp_path / "closed"
    closed.touch(0o600)
    wanted = replace(policy(), read=(str(closed),))
    with (
        Sandbox.open(layers={"uid": "strict"}) as sandbox,
        pytest.raises(LayerMissingError) as caught,
    ):
        sandbox.worker(
            wanted, target="lab_target:build", path=[str(lab.folder)], lazy=True
        )
    assert caught.value.layer == "uid"
    assert Kind.START not in kinds_of(sent)


def test_a_misspelt_target_is_refused_at_once(lazy: Callable[..., Worker]) -> None:
    with pytest.raises(PolicyError, match="module:callable"):
        lazy("")


@pytest.mark.parametrize("how", ["exit", "kill", "close"])
def test_a_death_during_the_start_is_what_the_first_call_is_told(
    lazy: Callable[..., Worker], how: str
) -> None:
    worker = lazy("dying" if how == "exit" else "slow")
    if how != "exit":
        threading.Timer(0.2, worker.kill if how == "kill" else worker.close).start()
    started = time.monotonic()
    with pytest.raises((WorkerDiedError, ClosedError)):
        worker.call("any")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("how", ["kill", "close"])
def test_one_that_ends_before_its_first_call(
    lazy: Callable[..., Worker], how: str
) -> None:
    worker = lazy("polite")
    (worker.kill if how == "kill" else worker.close)()
    with pytest.raises(SandboxError) as caught:
        worker.call("any")
    assert isinstance(caught.value, ClosedError if how == "close" else WorkerDiedError)
    with pytest.raises(ClosedError):
        worker.call("any")


@pytest.mark.parametrize("module", ["slow", "busy"])
def test_a_timeout_ends_the_start_as_well(
    lazy: Callable[..., Worker], module: str
) -> None:
    worker = lazy(module)
    with pytest.raises(WallLimitError) as caught:
        worker.call("any", timeout=0.2)
    assert caught.value.limit == pytest.approx(0.2)
    assert not worker.alive


def test_the_policys_wall_limit_is_of_both(lazy: Callable[..., Worker]) -> None:
    with pytest.raises(WallLimitError) as caught:
        lazy("slow", policy(limits={"wall_seconds": 0.3})).call("any")
    assert caught.value.limit == pytest.approx(0.3)


def test_a_flood_of_output_ends_the_first_call(
    lab: Lab, lazy: Callable[..., Worker]
) -> None:
    lab.write("flood", "while True: print('x' * 9999)")
    with pytest.raises(OutputLimitError):
        lazy("flood").call("any")


@pytest.mark.parametrize("module", ["slow", "busy"])
def test_a_task_that_is_cancelled_ends_the_start(
    lazy: Callable[..., Worker], module: str
) -> None:
    async def give_up() -> bool:
        async with AsyncWorker(lazy(module)) as worker:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(worker.call("any"), 0.2)
            return worker.alive

    assert asyncio.run(give_up()) is False


def test_a_loop_awaits_what_the_start_asks_for(
    lazy: Callable[..., Worker], sent: list[list[Any]]
) -> None:
    async def step(_: dict[str, Data]) -> Data:
        await asyncio.sleep(0.01)
        return "awaited"

    async def ask(**given: Data) -> Data:
        worker = lazy("polite", callbacks={"step": step}, arguments={"asks": 2})
        async with AsyncWorker(worker) as awaiting:
            return (await awaiting.call("any", given)).value

    assert asyncio.run(ask()) == ["awaited"] * 3 + [0]
    assert kinds_of(sent)[:2] == [Kind.START, Kind.ANSWER]


def test_a_loop_is_told_of_a_start_that_failed(lazy: Callable[..., Worker]) -> None:
    async def ask(**given: Data) -> None:
        async with AsyncWorker(lazy("raising")) as worker:
            calls = (worker.call("any", given) for _ in range(5))
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, StartError | ClosedError), repr(outcome)

    asyncio.run(ask())
    asyncio.run(ask(data="x" * 9_000))

"""Sixty-four awaited calls at a time, against what asyncio offers for processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from lockgate_sandbox import AsyncWorker, Policy
from lockgate_sandbox.errors import Data
from tests.bench.harness import Row, paired
from tests.bench.workers import echo_sandbox

__all__ = ["ROWS"]

_ROUNDS = 30
_AT_ONCE = 64


def _echo(value: Data) -> Data:
    return value


def _seconds(
    loop: asyncio.AbstractEventLoop, once: Callable[[], Awaitable[object]]
) -> Callable[[], float]:
    """A side: seconds per call of `once`, so many awaited together."""

    async def rounds() -> float:
        started = time.perf_counter()
        for _ in range(_ROUNDS):
            await asyncio.gather(*(once() for _ in range(_AT_ONCE)))
        return (time.perf_counter() - started) / (_ROUNDS * _AT_ONCE)

    return lambda: loop.run_until_complete(rounds())


def _at_once(name: str) -> Row:
    with ExitStack() as stack:
        sandbox, folder = stack.enter_context(echo_sandbox())
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        pool = stack.enter_context(ProcessPoolExecutor(1))
        policy = Policy.for_tier("read-only")
        plain = sandbox.worker(policy, target="echo:build", path=[folder])
        data = "x" * 100

        async def wrapped() -> AsyncWorker:
            return AsyncWorker(plain)

        worker = loop.run_until_complete(wrapped())
        stack.callback(lambda: loop.run_until_complete(worker.aclose()))
        return paired(
            name,
            _seconds(loop, lambda: worker.call("echo", {"data": data})),
            _seconds(loop, lambda: loop.run_in_executor(pool, _echo, data)),
            peer_name="run_in_executor, processes",
            target=1 / 2,
            rounds=9,
        )


ROWS: dict[str, Callable[[str], Row]] = {"sandbox-async-64": _at_once}

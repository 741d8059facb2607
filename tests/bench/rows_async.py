"""Sixty-four awaited calls at a time: of a worker, and of a plugin in the host.

Against what asyncio offers for processes, and against awaiting the function itself.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from lockgate.aio import AsyncHost
from lockgate.values import Document
from lockgate_sandbox import AsyncWorker, Policy
from lockgate_sandbox.errors import Data
from tests.bench.harness import Row, paired, pinned
from tests.bench.workers import echo_sandbox
from tests.support.host_plugins import Site, importable, manifest_of

__all__ = ["ROWS"]

_ROUNDS = 30
_AT_ONCE = 64


IMPL = """
import asyncio
from lockgate.plugin import hookimpl

@hookimpl
async def check_pipeline(pipeline):
    await asyncio.sleep(0)
    return ()
"""


async def _impl(pipeline: Document) -> tuple[str, ...]:
    await asyncio.sleep(0)
    return ()


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


def _on_loop(name: str) -> Row:
    """Sixty-four checked calls gathered, against as many of the bare coroutine."""
    with ExitStack() as stack:
        site = Site(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        manifest = manifest_of(
            "workflows",
            kinds="service",
            tier="system",
            hooks={"check_pipeline": "check_pipeline"},
        )
        site.add(
            "workflows", IMPL, manifest=manifest, distribution="lockgate-workflows"
        )
        stack.enter_context(importable(site.folder))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        host = AsyncHost.open(site.config, search_path=[site.folder])
        stack.callback(lambda: loop.run_until_complete(host.close()))
        pipeline: Document = {}
        placement = stack.enter_context(pinned())
        return paired(
            name,
            _seconds(loop, lambda: host.call("check_pipeline", pipeline=pipeline)),
            _seconds(loop, lambda: _impl(pipeline)),
            peer_name="gather of the bare coroutine",
            target=12.0,
            rounds=9,
            placement=placement,
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-async-64": _at_once,
    "hook-awaited-64": _on_loop,
}

"""Callbacks of awaited calls: of their worker, that fail, are cancelled, pass files."""

from __future__ import annotations

import asyncio
import os

import pytest

from lockgate_sandbox import (
    AsyncWorker,
    Passed,
    RemoteError,
)
from lockgate_sandbox.errors import Data
from tests.sandbox.awaited import runner, up
from tests.support.flow import ASYNC
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel


def test_a_callback_may_not_await_its_own_worker(lab: Lab) -> None:
    lab.write("flow_async", ASYNC)
    workers: list[AsyncWorker] = []

    async def again(_: dict[str, Data]) -> Data:
        return (await workers[0].call("plain", {"n": 1})).value

    async def body(worker: AsyncWorker) -> None:
        workers.append(worker)
        with pytest.raises(RemoteError, match="may not call it again"):
            await worker.call("asks", {"n": 1})

    made = lab.worker(policy(), target="flow_async:build", callbacks={"up": again})
    runner(made)(body)


def test_a_coroutine_callback_is_refused_to_a_call_that_can_not_await(
    lab: Lab,
) -> None:
    lab.write("flow_async", ASYNC)
    callbacks = {"up": up}
    with lab.worker(policy(), target="flow_async:build", callbacks=callbacks) as worker:
        with pytest.raises(RemoteError, match="'up' is a coroutine function"):
            worker.call("asks", {"n": 1})
        assert worker.call("plain", {"n": 1}).value == 2


def test_what_a_callback_raised_is_the_cause_of_the_error(lab: Lab) -> None:
    lab.write("flow_async", ASYNC)

    async def fails(_: dict[str, Data]) -> Data:
        raise RuntimeError("s3cret")

    async def body(worker: AsyncWorker) -> None:
        with pytest.raises(RemoteError, match="callback failed") as failed:
            await worker.call("asks", {"n": 1})
        assert isinstance(failed.value.__cause__, RuntimeError)

    made = lab.worker(policy(), target="flow_async:build", callbacks={"up": fails})
    runner(made)(body)


def test_a_callback_of_a_cancelled_call_is_cancelled(lab: Lab) -> None:
    lab.write("flow_async", ASYNC)
    ended: list[str] = []

    async def slow(_: dict[str, Data]) -> Data:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")
        return None

    async def body(worker: AsyncWorker) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.call("gathers", {"n": 3}), 0.2)
        assert ended == ["cancelled"] * 3
        assert (await worker.call("plain", {"n": 1})).value == 2

    made = lab.worker(policy(), target="flow_async:build", callbacks={"up": slow})
    runner(made)(body)


def test_a_callback_passes_open_files(lab: Lab) -> None:
    async def give(_: dict[str, Data]) -> Passed:
        reader, writer = os.pipe()
        os.write(writer, b"through")
        os.close(writer)
        return Passed("a pipe", [reader])

    code = """
import os
value, fds = session.call_host_fds("give")
result = [value, os.read(fds[0], 99)]
os.close(fds[0])
"""

    async def body(worker: AsyncWorker) -> None:
        assert (await worker.call(code)).value == ["a pipe", b"through"]

    runner(lab.worker(policy(), callbacks={"give": give}))(body)

"""Workers whose target is built by the first call: one frame, one answer."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    Data,
    MessageLimitError,
    PolicyError,
    RemoteError,
    SandboxError,
    StartError,
    Worker,
    run_python,
)
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.aio import AsyncWorker
from lockgate_sandbox.callbacks import Passed
from tests.sandbox.lazy.conftest import Steps, kinds_of
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel


# -- what it is ------------------------------------------------------------------------


def test_it_is_sealed_at_once_and_built_by_the_first_call(
    lazy: Callable[..., Worker], steps: Steps, sent: list[list[Any]]
) -> None:
    worker = lazy("polite", arguments={"asks": 2})

    assert worker.posture["seccomp"].state == "active"
    assert (worker.alive, alive(worker.pid)) == (True, True)
    assert (steps.count, sent) == (0, [])
    reply = worker.call("any", {"data": "abc"})
    assert reply.value == [1, 2, 3, 3]
    assert reply.posture == worker.posture
    assert kinds_of(sent) == [Kind.START, Kind.ANSWER, Kind.ANSWER, Kind.ANSWER]
    assert sent[0][-2:] == ["any", {"data": "abc"}]
    assert worker.call("any").value == [1, 2, 3, 4, 0]


def test_a_child_that_waits_ahead_gets_one_frame(
    lab: Lab, lazy: Callable[..., Worker], sent: list[list[Any]]
) -> None:
    own = policy(limits={"wall_seconds": 31})
    for _ in range(4):
        worker = lazy("lab_target", own)
        assert run(worker, "result = 6 * 7") == 42
        worker.close()
        time.sleep(0.05)
    ours = [frame for frame in sent if frame[0] != Kind.AHEAD]
    assert kinds_of(ours) == [Kind.START] * 4
    assert ours[-1][2] is None  # it was foretold


def test_what_the_reply_says_was_used_and_printed_is_of_both(
    lab: Lab, lazy: Callable[..., Worker]
) -> None:
    reply = lazy("loud").call("any")
    assert reply.output == "imported\nbuilt\ncalled\n"
    lab.write(
        "hard",
        "for _ in range(2_000_000): pass\nbuild = lambda session: lambda *asked: 1\n",
    )
    worker = lazy("hard")
    first, second = worker.call("b").usage, worker.call("a").usage
    assert first.cpu_seconds > 10 * second.cpu_seconds
    assert first.wall_seconds > first.cpu_seconds / 2


def test_calls_of_many_threads_come_behind_the_first(
    lazy: Callable[..., Worker], steps: Steps
) -> None:
    worker, found = lazy("polite", arguments={"asks": 1}), list[Any]()

    def ask() -> None:
        found.append(worker.call("any").value)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(value) for value in found) == list(range(3, 15))
    assert steps.count == 13
    assert sorted(found, key=len)[0][0] == 1


# -- how it may be used first ----------------------------------------------------------


@pytest.mark.parametrize("size", [9_000, 70_000, 3_000_000])
def test_a_large_first_call_follows_its_start(
    lazy: Callable[..., Worker], sent: list[list[Any]], size: int
) -> None:
    worker = lazy("polite", arguments={"asks": 1})
    assert worker.call("any", {"data": "x" * size}).value == [1, 2, size]
    assert kinds_of(sent)[:2] == [Kind.START, Kind.ANSWER]
    assert len(sent[0]) == 6  # nothing came along


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_shared_memory_carries_the_first_call_too(
    lazy: Callable[..., Worker], kind: Callable[[bytes], Any]
) -> None:
    worker = lazy("polite")
    assert worker.call("any", {"data": kind(b"x" * (4 << 20))}).value == [1, 4 << 20]


def test_what_fits_apart_need_not_fit_together(
    lazy: Callable[..., Worker], sent: list[list[Any]]
) -> None:
    tight = policy(limits={"message_bytes": 10_000})
    filling: dict[str, Data] = {"asks": 0, "filling": "x" * 9_000}
    worker = lazy("polite", tight, arguments=filling)
    assert worker.call("any", {"data": "x" * 2_000}).value == [1, 2_000]
    assert [len(frame) for frame in sent if frame[0] == Kind.START] == [8, 6]


def test_a_first_call_that_is_too_large_leaves_it_alive(
    lazy: Callable[..., Worker],
) -> None:
    worker = lazy("polite", policy(limits={"message_bytes": 10_000}))
    with pytest.raises(MessageLimitError):
        worker.call("any", {"data": "x" * 20_000})
    assert worker.call("any").value == [1, 0]


@pytest.mark.parametrize("bad", [object(), {1: 2}, "\ud800", 1 << 70, {"a": {3}}])
def test_a_first_call_of_no_data_leaves_it_alive(
    lazy: Callable[..., Worker], bad: Any
) -> None:
    worker = lazy("polite")
    with pytest.raises(PolicyError, match="arguments"):
        worker.call("any", {"data": bad})
    assert worker.call("any").value == [1, 0]


def test_a_target_that_is_given_no_data_is_refused_and_gone(
    lazy: Callable[..., Worker],
) -> None:
    worker = lazy("polite", arguments={"asks": object()})
    with pytest.raises(PolicyError, match="arguments"):
        worker.call("any")
    assert wait_until(lambda: not alive(worker.pid))


def test_the_deepest_data_still_crosses(lazy: Callable[..., Worker]) -> None:
    value: Data = []
    while True:
        deeper: Data = [value]
        with lazy("lab_target") as worker:
            worker.call("result = 1")
            try:
                worker.call("result = 1", {"value": deeper})
            except (PolicyError, SandboxError):
                break
        value = deeper if len(str(value)) > 40 else [deeper]
    assert lazy("lab_target").call("result = 1", {"value": value}).value == 1


@pytest.mark.parametrize("first", ["stream", "fed", "submit", "map"])
def test_other_ways_of_asking_have_it_built_as_well(
    lazy: Callable[..., Worker], first: str
) -> None:
    if first == "stream":
        worker = lazy("counting")
        assert list(worker.stream("any", {"count": 50})) == list(range(50))
    elif first == "fed":
        with lazy("adding").stream("any", items=range(100)) as stream:
            assert stream.result.value == 4950
    elif first == "submit":
        assert lazy("polite").submit("any").result().value == [1, 0]
    else:
        replies = lazy("polite").map("any", [{}, {"data": "ab"}])
        assert [reply.value for reply in replies] == [[1, 0], [1, 2, 2]]


@pytest.mark.parametrize("module", ["awaited", "mixed"])
def test_questions_are_counted_on_from_the_start_to_a_coroutine(
    lazy: Callable[..., Worker], module: str
) -> None:
    worker = lazy(module)
    assert worker.call("any").value == [1, 2]
    assert worker.call("any").value != [1, 2]


def test_an_event_loop_has_it_built(lazy: Callable[..., Worker]) -> None:
    async def ask(module: str) -> list[Any]:
        async with AsyncWorker(lazy(module)) as worker:
            calls = (worker.call("any") for _ in range(5))
            return [reply.value for reply in await asyncio.gather(*calls)]

    assert asyncio.run(ask("awaited"))[0][0] == 1
    assert asyncio.run(ask("polite"))[-1][-1] == 0


def test_descriptors_pass_during_the_start_and_the_first_call(
    lab: Lab, lazy: Callable[..., Worker]
) -> None:
    lab.write(
        "fetching",
        """
        import os
        def build(session):
            def fetch():
                value, fds = session.call_host_fds("give")
                try:
                    return os.read(fds[0], 9).decode()
                finally:
                    os.close(fds[0])
            first = fetch()
            return lambda method, arguments: [first, fetch()]
        """,
    )

    def give(_: dict[str, Data]) -> Passed:
        reader, writer = os.pipe()
        os.write(writer, b"here")
        os.close(writer)
        return Passed(1, [reader])

    before = len(list(Path("/proc/self/fd").iterdir()))
    with lazy("fetching", callbacks={"give": give}) as worker:
        assert worker.call("any").value == ["here", "here"]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# -- one call --------------------------------------------------------------------------


def test_one_call_has_a_worker_of_its_own(lab: Lab, sent: list[list[Any]]) -> None:
    def ask(code: str) -> Data:
        return lab.sandbox.call_once(
            policy(), code, target="lab_target:build", path=[str(lab.folder)]
        ).value

    count = "import sys; sys.asked = getattr(sys, 'asked', 0) + 1; result = sys.asked"
    assert [ask(count) for _ in range(3)] == [1, 1, 1]
    assert [k for k in kinds_of(sent) if k != Kind.AHEAD] == [Kind.START] * 3
    with pytest.raises(RemoteError, match="division"):
        ask("1 / 0")
    with pytest.raises(StartError):
        lab.sandbox.call_once(policy(), "any", target="lab_target:nothing")


def test_source_text_goes_along_with_the_start(lab: Lab, sent: list[list[Any]]) -> None:
    def tool(number: int) -> int:
        return number + 1

    source = "print('hello'); add(41)"
    result = run_python(source, sandbox=lab.sandbox, tools={"add": tool})
    assert (result.check().value, result.output) == (42, "hello\n")
    assert kinds_of(sent) == [Kind.START, Kind.ANSWER]
    failed = run_python("print('so far'); 1 / 0", sandbox=lab.sandbox)
    assert (failed.output, type(failed.error)) == ("so far\n", RemoteError)

"""Workers whose target is built by the first call: one frame, one answer."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Data,
    LayerMissingError,
    MessageLimitError,
    OutputLimitError,
    Policy,
    PolicyError,
    RemoteError,
    SandboxError,
    StartError,
    WallLimitError,
    Worker,
    WorkerDiedError,
    run_python,
)
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.host_end import HostChannel
from lockgate_sandbox.aio import AsyncWorker
from lockgate_sandbox.callbacks import Passed
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel

_MODULES = {
    "polite": """
        def build(session, **given):
            told = [session.call_host("step") for _ in range(given.get("asks", 0))]
            def handler(method, arguments):
                told.append(session.call_host("step"))
                return [*told, len(arguments.get("data") or "")]
            return handler
        """,
    "awaited": """
        def build(session):
            told = [session.call_host("step")]
            async def handler(method, arguments):
                return [*told, await session.acall_host("step")]
            return handler
        """,
    "mixed": """
        def build(session):
            async def rest(first):
                return [first, await session.acall_host("step")]
            return lambda method, arguments: rest(session.call_host("step"))
        """,
    "adding": """
        def build(session):
            session.call_host("step")
            return lambda method, arguments: sum(session.items())
        """,
    "counting": """
        def build(session):
            def handler(method, arguments):
                yield from range(arguments["count"])
            return handler
        """,
    "slow": """
        import time
        time.sleep(30)
        """,
    "busy": """
        while True:
            pass
        """,
    "dying": """
        import os
        os._exit(3)
        """,
    "loud": """
        print("imported")
        def build(session):
            print("built")
            return lambda method, arguments: print("called")
        """,
    "failing": """
        import time
        def build(session):
            time.sleep(0.3)
            raise ValueError("not today")
        """,
    "raising": """
        def build(session):
            raise ValueError("not today")
        """,
}


@pytest.fixture(autouse=True)
def _modules(lab: Lab) -> None:
    for name, source in _MODULES.items():
        lab.write(name, source)


class _Steps:
    """A callback that counts, and how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: dict[str, Data]) -> Data:
        self.count += 1
        return self.count


@pytest.fixture
def steps() -> _Steps:
    return _Steps()


@pytest.fixture
def lazy(lab: Lab, steps: _Steps) -> Iterator[Callable[..., Worker]]:
    """Makes lazy workers of a module's ``build``."""
    made: list[Worker] = []

    def make(module: str, given: Policy | None = None, **options: Any) -> Worker:
        options = {"callbacks": {"step": steps}, "path": [str(lab.folder)], **options}
        target = f"{module}:build"
        worker = lab.sandbox.worker(
            given or policy(), target=target, lazy=True, **options
        )
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The frames that hosts send, in order."""
    frames: list[list[Any]] = []
    for name in ("send", "send_flat", "send_now"):
        plain = getattr(HostChannel, name)

        def note(
            channel: Any, message: list[Any], *rest: Any, plain: Any = plain
        ) -> Any:
            frames.append(message)
            return plain(channel, message, *rest)

        monkeypatch.setattr(HostChannel, name, note)
    return frames


def _kinds(sent: list[list[Any]]) -> list[Kind]:
    return [Kind(frame[0]) for frame in sent]


# -- what it is ------------------------------------------------------------------------


def test_it_is_sealed_at_once_and_built_by_the_first_call(
    lazy: Callable[..., Worker], steps: _Steps, sent: list[list[Any]]
) -> None:
    worker = lazy("polite", arguments={"asks": 2})

    assert worker.posture["seccomp"].state == "active"
    assert (worker.alive, alive(worker.pid)) == (True, True)
    assert (steps.count, sent) == (0, [])
    reply = worker.call("any", {"data": "abc"})
    assert reply.value == [1, 2, 3, 3]
    assert reply.posture == worker.posture
    assert _kinds(sent) == [Kind.START, Kind.ANSWER, Kind.ANSWER, Kind.ANSWER]
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
    assert _kinds(ours) == [Kind.START] * 4
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
    lazy: Callable[..., Worker], steps: _Steps
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
    assert _kinds(sent)[:2] == [Kind.START, Kind.ANSWER]
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


# -- how it may fail -------------------------------------------------------------------


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only uid 0 escapes RLIMIT_NPROC")
def test_a_missing_strict_layer_is_told_before_anything_is_asked(
    lab_without: Callable[..., Lab], sent: list[list[Any]]
) -> None:
    lab = lab_without("uid", "cgroup", "seccomp")
    with pytest.raises(LayerMissingError):
        lab.sandbox.worker(
            policy(), target="lab_target:build", path=[str(lab.folder)], lazy=True
        )
    assert Kind.START not in _kinds(sent)


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
    assert _kinds(sent)[:2] == [Kind.START, Kind.ANSWER]


def test_a_loop_is_told_of_a_start_that_failed(lazy: Callable[..., Worker]) -> None:
    async def ask(**given: Data) -> None:
        async with AsyncWorker(lazy("raising")) as worker:
            calls = (worker.call("any", given) for _ in range(5))
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, StartError | ClosedError), repr(outcome)

    asyncio.run(ask())
    asyncio.run(ask(data="x" * 9_000))


# -- one call --------------------------------------------------------------------------


def test_one_call_has_a_worker_of_its_own(lab: Lab, sent: list[list[Any]]) -> None:
    def ask(code: str) -> Data:
        return lab.sandbox.call_once(
            policy(), code, target="lab_target:build", path=[str(lab.folder)]
        ).value

    count = "import sys; sys.asked = getattr(sys, 'asked', 0) + 1; result = sys.asked"
    assert [ask(count) for _ in range(3)] == [1, 1, 1]
    assert [k for k in _kinds(sent) if k != Kind.AHEAD] == [Kind.START] * 3
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
    assert _kinds(sent) == [Kind.START, Kind.ANSWER]
    failed = run_python("print('so far'); 1 / 0", sandbox=lab.sandbox)
    assert (failed.output, type(failed.error)) == ("so far\n", RemoteError)

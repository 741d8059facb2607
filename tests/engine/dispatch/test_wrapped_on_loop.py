"""Wrapped hooks that are awaited: as without a loop, but in the caller's task."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.aio import AsyncHost
from lockgate.errors import HookTimeoutError, LockgateError
from lockgate.host import Answers, Host
from lockgate.values import Document, Task
from tests.engine.conformance.places import grant_all
from tests.support.host_plugins import Site, manifest_of, trusted_in_host

SOURCE = """
import asyncio, threading, time
from lockgate.plugin import hookimpl

def act(wish):
    if wish == "raise":
        raise KeyError("{name}")
    if wish == "exit":
        raise SystemExit(3)
    return "text" if wish == "wrong" else 0.5 if wish == "good" else None

@hookimpl
def impl(task):
    return act(task.documents.get("{name}"))

@hookimpl
async def awaited(task):
    await asyncio.sleep(0)
    return act(task.documents.get("{name}"))

@hookimpl
def pipeline(pipeline):
    return (str(act(pipeline.get("{name}"))),) if "{name}" in pipeline else None

@hookimpl
async def pipeline_awaited(pipeline):
    await asyncio.sleep(0)
    return (str(act(pipeline.get("{name}"))),) if "{name}" in pipeline else None

def around(doing, made):
    wish = doing.get("{name}", "pass")
    if wish == "never":
        return None
    act(wish.removeprefix("early-"))
    try:
        result = yield
    except Exception:
        if wish != "recover":
            raise
        return made
    if wish == "twice":
        yield
    if wish == "late":
        raise ValueError("late")
    if wish == "replace":
        return made
    return None if wish == "forget" else result

@hookimpl(wrapper=True)
def wrap_handle(task):
    return (yield from around(task.documents, [0.125]))

@hookimpl(wrapper=True)
def wrap_check(pipeline):
    return (yield from around(pipeline, ("made by {name}",)))
"""

SHARED = """
import asyncio
from lockgate.plugin import hookimpl
import tests.engine.dispatch.test_wrapped_on_loop as test

@hookimpl
async def run(pipeline):
    test.seen.append((test.said.get(), asyncio.current_task()))
    test.said.set("the impl")
    return await test.awaited[pipeline["what"]]()

@hookimpl(wrapper=True)
def wrap_run(pipeline):
    token = test.said.set("the wrapper")
    test.threads.add(test.threading.get_ident())
    test.time.sleep(pipeline.get("seconds", 0))
    try:
        result = yield
        test.seen.append(test.said.get())
    except BaseException as error:
        test.seen.append(type(error).__name__)
        raise
    finally:
        test.said.reset(token)
    return result
"""

HOOKS: dict[str, dict[str, str]] = {
    "awaited": {"can_handle": "awaited", "check_pipeline": "pipeline_awaited"},
    "blocking": {"can_handle": "impl", "check_pipeline": "pipeline"},
    "sealed": {"can_handle": "impl", "check_pipeline": "pipeline"},
    "runner": {"run_pipeline": "run"},
}
WRAPS = {
    "inner": {"can_handle": "wrap_handle", "check_pipeline": "wrap_check"},
    "outer": {"can_handle": "wrap_handle", "check_pipeline": "wrap_check"},
    "sealing": {"can_handle": "wrap_handle", "check_pipeline": "wrap_check"},
    "sharing": {"run_pipeline": "wrap_run"},
}
SEALED = {"sealed", "sealing"}

said: contextvars.ContextVar[str] = contextvars.ContextVar("said")
seen: list[object] = []
threads: set[int] = set()
awaited: dict[str, Callable[[], Coroutine[Any, Any, Document]]] = {}

__all__ = ["awaited", "said", "seen", "threading", "threads", "time"]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, AsyncHost]]:
    """The same plugins twice, some sealed, called plainly and awaited."""
    site = Site(tmp_path_factory.mktemp("wrapped-on-loop"))
    for name in (*HOOKS, *WRAPS):
        package = f"{name}_plugin.impl"
        wraps = "\n".join(
            f'{hook} = {{ impl = "{package}:{target}", wrapper = true }}'
            for hook, target in WRAPS.get(name, {}).items()
        )
        manifest = manifest_of(
            name,
            kinds='service", "ai',
            tier="read-only" if name in SEALED else "system",
            hooks=HOOKS.get(name, {}),
            more=wraps,
        )
        source = SHARED if name in ("runner", "sharing") else SOURCE
        site.add(name, source.replace("{name}", name), manifest=manifest)
    with trusted_in_host(site.folder, {*HOOKS, *WRAPS} - SEALED):
        grant_all(site)
        with site.open() as host:
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
    fields = dict(error.to_dict())
    fields.pop("trace", None)
    fields.pop("traceback", None)  # it names the place, which differs
    return type(error), fields


def outcome(call: Callable[[], Answers[Any]]) -> object:
    try:
        answers = call()
    except LockgateError as error:
        return told(error)
    failed = [(one.plugin, told(one.error)) for one in answers.failed]
    return [(a.plugin, a.value) for a in answers.items], answers.asked, failed


IMPL_WISHES = st.sampled_from(("good", "raise", "exit", "wrong"))
WRAP_WISHES = st.sampled_from(
    ("never", "early-raise", "recover", "twice", "late", "replace", "forget")
)
DOING = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("awaited", "blocking", "sealed"), IMPL_WISHES),
        **dict.fromkeys(("inner", "outer", "sealing"), WRAP_WISHES),
    },
)


@settings(max_examples=60, deadline=None)
@given(hook=st.sampled_from(("can_handle", "check_pipeline")), doing=DOING)
def test_awaited_or_not_a_wrapped_call_has_the_same_outcome(
    hosts: tuple[Host, AsyncHost], hook: str, doing: dict[str, str]
) -> None:
    plain, twin = hosts
    task = Task("kind", documents=dict(doing))
    given_of: dict[str, Any] = {
        "can_handle": {"task": task},
        "check_pipeline": {"pipeline": dict(doing)},
    }

    expected = outcome(lambda: plain.call(hook, **given_of[hook]))
    found = outcome(lambda: asyncio.run(twin.call(hook, **given_of[hook])))
    each = outcome(lambda: asyncio.run(streamed(twin, hook, **given_of[hook])))

    assert found == expected
    assert type(each) is type(expected)


async def streamed(host: AsyncHost, hook: str, **arguments: Any) -> Answers[Any]:
    """The answers of a plain hook, read as a stream."""
    items = [item async for item in host.stream(hook, **arguments)]
    answers = await host.call(hook, **arguments)
    assert [(a.plugin, a.value) for a in answers] == [tuple(item) for item in items]
    return answers


def test_impl_and_wrapper_share_the_callers_task_and_context(host: AsyncHost) -> None:
    async def done() -> Document:
        return {}

    awaited["done"] = done

    async def scenario() -> None:
        said.set("the caller")
        assert (await host.call("run_pipeline", pipeline={"what": "done"})).first == {}
        assert seen == [("the wrapper", asyncio.current_task()), "the impl"]
        assert said.get() == "the caller"  # which the wrapper reset

    asyncio.run(scenario())
    with pytest.raises(LookupError):
        said.get()


def test_a_wrapper_that_blocks_does_not_block_the_loop(host: AsyncHost) -> None:
    async def done() -> Document:
        return {}

    awaited["done"] = done

    async def scenario() -> int:
        ticks, pipeline = 0, {"what": "done", "seconds": 0.3}
        call = asyncio.ensure_future(host.call("run_pipeline", pipeline=pipeline))
        while not call.done():
            ticks += 1
            await asyncio.sleep(0.01)
        assert (await call).asked == ("sharing", "runner")
        return ticks

    assert asyncio.run(scenario()) > 5
    assert threading.get_ident() not in threads


async def forever() -> Document:
    await asyncio.sleep(60)
    return {}


def test_a_cancelled_call_ends_what_it_began(host: AsyncHost) -> None:
    awaited["wait"] = forever

    async def scenario() -> None:
        call = asyncio.ensure_future(
            host.call("run_pipeline", pipeline={"what": "wait"})
        )
        while not seen:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert seen[1:] == ["GeneratorExit"]

    asyncio.run(scenario())


def test_a_wrapper_that_began_while_its_call_was_cancelled_ends(
    host: AsyncHost,
) -> None:
    async def scenario() -> None:
        pipeline = {"what": "wait", "seconds": 0.3}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await host.call("run_pipeline", pipeline=pipeline)
        assert seen == ["GeneratorExit"]

    asyncio.run(scenario())


def test_who_is_cancelled_twice_waits_for_the_end_all_the_same(
    host: AsyncHost,
) -> None:
    async def scenario() -> None:
        pipeline = {"what": "wait", "seconds": 0.3}
        call = asyncio.ensure_future(host.call("run_pipeline", pipeline=pipeline))
        while not threads:
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert seen == ["GeneratorExit"]

    asyncio.run(scenario())


def test_a_call_whose_time_is_over_is_told_to_its_wrappers(host: AsyncHost) -> None:
    awaited["wait"] = forever

    async def scenario() -> None:
        started = time.monotonic()
        with pytest.raises(HookTimeoutError) as caught:
            await host.call("run_pipeline", pipeline={"what": "wait"}, timeout=0.2)
        assert time.monotonic() - started < 20
        assert caught.value.plugin == "runner"
        assert seen[1:] == ["HookFailedError"]

    asyncio.run(scenario())

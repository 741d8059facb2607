"""What checkers infer for a hook call; read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from lockgate.host import (
    Answer,
    Answers,
    AnswerStream,
    AsyncAnswerStream,
    AsyncHost,
    HookFailure,
    Host,
    Item,
)
from lockgate.plugin import HookFailedError, Reason, hookimpl
from lockgate.values import (
    AnalysisReport,
    Completion,
    Data,
    Device,
    DeviceHandle,
    Document,
    Generation,
    ModelInfo,
    Simulation,
    Task,
    Transformation,
    Tree,
)


def calls(host: Host, spec: Document, tree: Tree, name: str) -> None:
    """Each hook's answer has its own type."""
    assert_type(host.call("generate", spec=spec), Answers[Generation])
    assert_type(host.call("generate", spec=spec, targets=("a",)).first, Generation)
    assert_type(host.call("generator_targets").first, tuple[str, ...])
    assert_type(host.call("analyze", tree=tree).first, AnalysisReport)
    assert_type(host.call("transform", tree=tree, timeout=3).first, Transformation)
    assert_type(host.call("discover_devices").first, tuple[Device, ...])
    handle = host.call("open_device", device="d").first
    assert_type(handle, DeviceHandle)
    read = host.call("read_device", handle=handle, size=1, timeout=1.0)
    assert_type(read.first, bytes)
    assert_type(host.call("write_device", handle=handle, data=b"").first, int)
    assert_type(host.call("close_device", handle=handle).first, bool)
    assert_type(host.call("simulate", tree=tree, board="b").first, Simulation)
    assert_type(host.call("list_models").values, tuple[tuple[ModelInfo, ...], ...])
    assert_type(host.call("can_handle", task=Task("k")).first, float)
    assert_type(host.call("complete", task=Task("k")).first, Completion)
    vectors = host.call("embed", texts=("a",)).first
    assert_type(vectors, tuple[tuple[float, ...], ...])
    assert_type(host.call("run_pipeline", pipeline=spec).first, Document)
    assert_type(host.call("check_pipeline", pipeline=spec).first, tuple[str, ...])
    assert_type(host.call("diagnose").first, tuple[Document, ...])
    assert_type(host.call(name, anything=1), Answers[Any])


def streams(host: Host, task: Task, tree: Tree, name: str) -> None:
    """A stream's items have the type of the hook's items."""
    assert_type(host.stream("complete_stream", task=task), AnswerStream[str])
    with host.stream("watch_device", device="d") as stream:
        for plugin, value in stream:
            assert_type(plugin, str)
            assert_type(value, bytes)
        assert_type(stream.failed, tuple[HookFailure, ...])
    assert_type(next(host.stream(name, anything=1)), Item[Any])


def answers(host: Host, tree: Tree) -> None:
    """An answer carries its value's type."""
    for answer in host.call("transform", tree=tree, plugin="format"):
        assert_type(answer, Answer[Transformation])
        assert_type(answer.value.tree, Tree)
        assert_type(answer.data, Data)


async def awaited(host: AsyncHost, spec: Document, name: str) -> None:
    """The asynchronous twin has the same types."""
    assert_type(await host.call("generate", spec=spec), Answers[Generation])
    assert_type((await host.call("list_models")).first, tuple[ModelInfo, ...])
    assert_type(await host.call(name), Answers[Any])


async def read(host: AsyncHost, task: Task, name: str) -> None:
    """The asynchronous stream has the same types."""
    async for item in host.stream("complete_stream", task=task):
        assert_type(item, Item[str])
    async with host.stream("watch_device", device="d") as stream:
        assert_type(stream, AsyncAnswerStream[bytes])
        assert_type((await anext(stream)).value, bytes)
    assert_type(host.stream(name), AsyncAnswerStream[Any])


@hookimpl(wrapper=True)
def complete(task: Task) -> Generator[None, Completion | None, Completion | None]:
    """A wrapper is a generator that receives and returns the hook's answer."""
    try:
        result = yield
    except HookFailedError as error:
        assert_type(error.reasons, tuple[Reason, ...])
        return Completion(task.prompt, error.plugin)
    return result


@hookimpl
async def check_pipeline(pipeline: Document) -> tuple[str, ...]:
    """A coroutine function is an impl like any other."""
    return tuple(pipeline)

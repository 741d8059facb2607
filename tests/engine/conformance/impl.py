"""The one source of every plugin of the conformance suite.

What a plugin does is said by the call: `doing` maps a plugin's name to an action.
What a wrapper sees is logged, so that it is told from wherever it runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from typing import Any, cast

from lockgate.plugin import (
    AnalysisReport,
    Context,
    Document,
    Finding,
    HookFailedError,
    Reason,
    RefusedError,
    Task,
    hookimpl,
)


def report(text: str) -> AnalysisReport:
    return AnalysisReport((Finding("a.py", "said", "note", text),))


def act(action: Any) -> Any:
    """What an impl does: an answer's text, or something that goes wrong."""
    if action == "raise":
        raise ValueError("boom")
    if action == "refuse":
        raise RefusedError([Reason("no", "here", "not this")])
    if action == "exit":
        raise SystemExit(3)
    return action


@hookimpl
def analyze(contract: Document, context: Context) -> AnalysisReport | None:
    said = act(contract.get(context.plugin))
    if said == "wrong":
        return 42  # type: ignore[return-value]
    return None if said is None else report(said)


@hookimpl
def check_pipeline(pipeline: Document, context: Context) -> tuple[str, ...] | None:
    said = act(pipeline.get(context.plugin))
    return None if said is None else (said,)


@hookimpl
def can_handle(task: Task, context: Context) -> float:
    said: float = act(task.documents.get(context.plugin, 0.0))
    return said


def around(
    doing: Mapping[str, Any],
    context: Context,
    told: Callable[[Any], str],
    made: Callable[[str], Any],
) -> Generator[None, Any, Any]:
    """What a wrapper does; `told` puts a result into words, `made` makes one."""
    name = context.plugin
    action = doing.get(f"{name}-wraps", "pass")
    if action == "never":
        return "nothing"
    context.log("info", f"{name} begins")
    if action == "early":
        raise ValueError("too early")
    try:
        result = yield
    except Exception as error:
        context.log("info", f"{name} sees {failure(error)}")
        if action == "recover":
            return made("recovered")
        if action == "replace-error":
            raise KeyError("another") from error
        raise
    context.log("info", f"{name} sees {told(result)}")
    if action == "twice":
        yield
    if action == "late":
        raise ValueError("too late")
    if action == "replace":
        return made("replaced")
    if action == "misfit":
        return 42
    if action == "forget":
        return None
    if action == "reverse":
        return result[::-1]
    if action == "add":
        return [*result, *made("added")]
    return result


def failure(error: Exception) -> str:
    if isinstance(error, ExceptionGroup):
        inside = cast("ExceptionGroup[Exception]", error).exceptions
        return f"group({', '.join(map(failure, inside))})"
    assert isinstance(error, HookFailedError), error
    reasons = "".join(f" {reason.message}" for reason in error.reasons)
    return f"{error.code} of {error.plugin} {error.version}{reasons}"


@hookimpl(wrapper=True, specname="analyze")
def around_analyze(contract: Document, context: Context) -> Generator[None, Any, Any]:
    def told(result: Any) -> str:
        return " ".join(one.findings[0].message for one in result) or "nothing"

    return (yield from around(contract, context, told, lambda text: [report(text)]))


@hookimpl(wrapper=True, specname="check_pipeline")
def around_check(pipeline: Document, context: Context) -> Generator[None, Any, Any]:
    return (yield from around(pipeline, context, str, lambda text: (text,)))


@hookimpl(wrapper=True, specname="can_handle")
def around_handle(task: Task, context: Context) -> Generator[None, Any, Any]:
    return (yield from around(task.documents, context, str, lambda _: [1.0]))


# -- the four forms of an impl, of a hook that gives a stream --------------------------

# `doing` maps a plugin to its pieces; a number among them is how long it waits, and
# "raise" and "wrong" go wrong there.


def piece(action: Any) -> bytes:
    if action == "wrong":
        return 42  # type: ignore[return-value]
    made: str = act(action)
    return made.encode()


@hookimpl(specname="watch_device")
def listed(options: Document, context: Context) -> list[bytes] | None:
    doing: Any = options.get(context.plugin)
    return None if doing is None else [piece(action) for action in doing]


@hookimpl(specname="watch_device")
async def awaited(options: Document, context: Context) -> list[bytes]:
    await asyncio.sleep(0)
    return [piece(action) for action in told(options, context)]


@hookimpl(specname="watch_device")
def generated(options: Document, context: Context) -> Iterator[bytes]:
    try:
        for action in told(options, context):
            if isinstance(action, float):
                time.sleep(action)
            else:
                yield piece(action)
    finally:
        context.log("info", f"{context.plugin} ends")


@hookimpl(specname="watch_device")
async def agenerated(options: Document, context: Context) -> AsyncIterator[bytes]:
    try:
        for action in told(options, context):
            if isinstance(action, float):
                await asyncio.sleep(action)
            else:
                yield piece(action)
    finally:
        context.log("info", f"{context.plugin} ends")


def told(doing: Mapping[str, Any], context: Context) -> list[Any]:
    """A plugin's pieces; ``{"endless": TEXT}`` stands for very many."""
    pieces: Any = doing.get(context.plugin) or []
    return [pieces["endless"]] * 100_000 if isinstance(pieces, dict) else pieces


@hookimpl(specname="complete_stream")
def said(task: Task, context: Context) -> Iterator[str] | None:
    doing: Any = task.documents.get(context.plugin)
    return None if doing is None else (act(action) for action in doing)


@hookimpl(specname="complete_stream")
async def asaid(task: Task, context: Context) -> AsyncIterator[str]:
    for action in told(task.documents, context):
        yield act(action)


@hookimpl(specname="check_pipeline")
async def acheck(pipeline: Document, context: Context) -> tuple[str, ...] | None:
    doing: Any = pipeline.get(context.plugin)
    await asyncio.sleep(doing if isinstance(doing, float) else 0)
    return None if doing is None else (str(act(doing)),)


@hookimpl
def announce(topic: str, message: Document, context: Context) -> bool | None:
    context.log("info", f"{context.plugin} hears {topic}")
    said = act(message.get(context.plugin))
    return None if said == "deaf" else True

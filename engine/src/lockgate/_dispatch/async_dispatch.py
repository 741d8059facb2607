"""The asking of plugins for asyncio: on the loop what can be awaited, the rest not.

An impl of the trusted base that is a coroutine function, or an async generator, runs
on the loop of whoever calls: in its task, in its context. Every other plugin is asked
on a thread, one turn each, so that nothing blocks the loop; so is each half of a
wrapper. Who is asked, in which order, and what becomes of a failure says
`lockgate._dispatch.dispatch`, as it does for threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from lockgate._call.answers import Answer, Answers
from lockgate._call.call import Call, Cancellation
from lockgate._call.streams import Item
from lockgate._dispatch.dispatch import (
    Asked,
    Dispatcher,
    Given,
    LoopSeat,
    Seat,
    values_of,
)
from lockgate._dispatch.shared_context import SharedContext
from lockgate._dispatch.wrapped import Step, Steps
from lockgate._record.trace import Span, current
from lockgate.errors import LockgateError

__all__ = ["ask_on_loop", "on_thread", "pulled", "stream_on_loop"]

T = TypeVar("T")

PATIENCE_SECONDS = 0.5
"""What a plugin has for its ``finally`` blocks when it is asked to end."""

_END: Any = object()


async def ask_on_loop(
    dispatcher: Dispatcher, call: Call, plugin: str | None, threads: Executor
) -> Answers[Any]:
    """`Dispatcher.run` of a hook that is not historic.

    Raises:
        LockgateError: If a plugin fails and the hook's policy is ``fail``.
        ExceptionGroup: If plugins failed and the policy is ``collect``.
    """
    token = current.set(current.get() or Span())
    try:
        steps = dispatcher.wrapping(call)
        if steps is None:
            return await _asked_all(dispatcher, call, plugin, threads)
        return await _wrapped(
            steps, call, threads, lambda: _asked_all(dispatcher, call, plugin, threads)
        )
    finally:
        current.reset(token)


async def _wrapped(
    steps: Steps,
    call: Call,
    threads: Executor,
    inner: Callable[[], Awaitable[Answers[Any]]],
) -> Answers[Any]:
    """What wrappers make of `inner`: their halves on a thread, it in this task."""
    shared = SharedContext()
    try:
        step = next(steps)
        while True:
            on = await _done(steps, step, call, threads, inner, shared)
            step = on()
    except StopIteration as end:
        answers: Answers[Any] = end.value
        return answers


async def _done(
    steps: Steps,
    step: Step,
    call: Call,
    threads: Executor,
    inner: Callable[[], Awaitable[Answers[Any]]],
    shared: SharedContext,
) -> Callable[[], Step]:
    """Do `step`; gives what hands in what came of it, and tells the next."""
    done: list[Any] = []
    try:
        if step is None:
            done.append(await inner())
        else:
            await _part(step, done, call, threads, shared)
    except BaseException as error:
        if done:  # cancelled too late for this part: it counts, the rest is called off
            try:
                steps.send(done[0])
            except Exception:
                raise error from None
        return partial(steps.throw, error)
    return partial(steps.send, done[0])


async def _part(
    part: Callable[[], Any],
    done: list[Any],
    call: Call,
    threads: Executor,
    shared: SharedContext,
) -> None:
    """Do a part of a wrapper on a thread, and note in `done` what it gave."""
    shared.bring()
    try:
        await on_thread(threads, call.cancellation, lambda: done.append(part()), shared)
    finally:
        shared.give()


async def _asked_all(
    dispatcher: Dispatcher, call: Call, plugin: str | None, threads: Executor
) -> Answers[Any]:
    steps = dispatcher.asking(call, plugin)
    try:
        seat = next(steps)
        while True:
            seat = steps.send(await _asked(seat, call, threads))
    except StopIteration as end:
        answers: Answers[Any] = end.value
        return answers


async def _asked(seat: Seat, call: Call, threads: Executor) -> Asked:
    try:
        return await _answer(seat, call, threads), None
    except LockgateError as error:
        return None, error


async def _answer(seat: Seat, call: Call, threads: Executor) -> Answer[object] | None:
    here = await _here(seat, call, threads)
    if here is not None:
        return await here.ask_on_loop(call)
    return await on_thread(threads, call.cancellation, lambda: seat.ask(call))


async def _here(seat: Seat, call: Call, threads: Executor) -> LoopSeat | None:
    """The seat, if the loop can ask it; it is imported for that, if need be."""
    here = seat.on_loop
    if here is None:
        return None
    known = here.awaits(call.spec)
    if known is None:
        await on_thread(threads, call.cancellation, lambda: here.prepare(call.spec))
        known = here.awaits(call.spec)
    return here if known else None


async def stream_on_loop(
    dispatcher: Dispatcher, call: Call, plugin: str | None, threads: Executor
) -> AsyncGenerator[Item[Any]]:
    """`Dispatcher.stream` of a hook that is not historic.

    Raises:
        LockgateError: If a plugin fails and the hook's policy is ``fail``.
        ExceptionGroup: At the end, if plugins failed and it is ``collect``.
    """
    if dispatcher.wrapping(call):  # they see all answers before anybody else does
        for answer in await ask_on_loop(dispatcher, call, plugin, threads):
            yield Item(answer.plugin, answer.value)
        return
    turns = dispatcher.turns(call, plugin)
    told: Given | None = None
    while True:
        try:
            seat = next(turns) if told is None else turns.send(told)
        except StopIteration:
            return
        given = False
        try:
            async with aclosing(await _values(seat, call, threads)) as values:
                async for value in values:
                    given = True
                    yield Item(seat.identity.plugin, value)
        except LockgateError as error:
            told = given, error
        else:
            told = given, None


async def _values(
    seat: Seat, call: Call, threads: Executor
) -> AsyncGenerator[object, None]:
    here = await _here(seat, call, threads) if call.spec.stream else None
    if here is not None:
        return here.stream_on_loop(call)
    return pulled(values_of(seat, call), call.cancellation, threads)


async def on_thread(
    threads: Executor,
    cancellation: Cancellation | None,
    work: Callable[[], T],
    shared: SharedContext | None = None,
) -> T:
    """What `work` gives, done on a thread, in `shared` or a copy of its context.

    Where the caller is cancelled, what it waits for is ended by `cancellation`.
    """
    context = shared or copy_context()
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(threads, lambda: context.run(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if cancellation is not None:
            cancellation.cancel()
        # The thread ends as soon as its worker is dead; wait for that, however often
        # the caller is cancelled, so that nothing runs on behind it.
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        future.exception()
        raise


async def pulled(
    items: Generator[T], cancellation: Cancellation | None, threads: Executor
) -> AsyncGenerator[T]:
    """`items`, each made on a thread when it is wanted."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            future = loop.run_in_executor(threads, next, items, _END)
            try:
                item = await asyncio.shield(future)
            except asyncio.CancelledError:
                await _ended(future, cancellation)
                raise
            if item is _END:
                return
            yield item
    finally:
        await loop.run_in_executor(threads, items.close)


async def _ended(
    future: asyncio.Future[Any], cancellation: Cancellation | None
) -> None:
    """End what the thread waits for: first by asking, then by killing."""
    for patience in (PATIENCE_SECONDS, None):
        if cancellation is not None:
            cancellation.cancel()
        await asyncio.wait([future], timeout=patience)
        if future.done():
            break
    future.exception()

"""What an impl gives that is more than a value: something awaited, or items.

An impl is a function, a coroutine function, a generator or an async generator,
whatever the hook's form is. Used by workers and by the host: standard library only,
and asyncio is not imported before somebody awaits.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
)
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lockgate._codec.misfit import Misfit

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

__all__ = [
    "awaited",
    "awaited_here",
    "is_awaited",
    "is_awaiting",
    "items_awaited",
    "items_here",
    "items_of",
    "plain_items",
]

T = TypeVar("T")

_END = object()
_END_SECONDS = 1.0
"""What an async generator has for its ``finally`` blocks."""

_PLAIN = (str, bytes, bytearray, Mapping)


def is_awaited(value: object) -> bool:
    """Whether an impl's result has to be awaited, or iterated with ``async for``."""
    kind = type(value)
    return hasattr(kind, "__await__") or hasattr(kind, "__aiter__")


def is_awaiting(impl: object) -> bool:
    """Whether calling `impl` does nothing yet: its result is to be awaited."""
    from inspect import isasyncgenfunction, iscoroutinefunction

    return iscoroutinefunction(impl) or isasyncgenfunction(impl)


def plain_items(value: object) -> Iterator[Any]:
    """The items of what an impl of a streaming hook returned.

    Raises:
        Misfit: If it can't be iterated.
    """
    if value is None:
        return iter(())
    kind: type[object] = type(value)
    if issubclass(kind, _PLAIN) or not hasattr(kind, "__iter__"):
        raise Misfit("items to iterate", found=kind.__name__)
    return iter(cast("Any", value))


async def items_of(value: object) -> AsyncGenerator[Any]:
    """The same, where something has to be awaited on the way.

    Raises:
        Misfit: If it can't be iterated.
    """
    if hasattr(type(value), "__await__"):
        value = await cast("Awaitable[object]", value)
    if not hasattr(type(value), "__aiter__"):
        for item in plain_items(value):
            yield item
        return
    items = cast("Any", value)
    try:
        async for item in items:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def awaited_here(value: object, seconds: float) -> object:
    """What a coroutine comes to, awaited on a loop of its own.

    Raises:
        TimeoutError: If it takes longer; it is cancelled then.
    """
    with closing(OwnLoop()) as loop:
        return loop.run(cast("Awaitable[object]", value), seconds)


def items_here(value: object, seconds_left: Callable[[], float]) -> Generator[Any]:
    """The items of whatever a streaming impl gave, awaited on a loop of their own.

    Raises:
        Misfit: If it can't be iterated.
        TimeoutError: If an item takes longer than `seconds_left` says.
    """
    if not is_awaited(value):
        yield from plain_items(value)
        return
    with closing(OwnLoop()) as loop:
        items = items_of(value)
        try:
            while True:
                item = loop.run(anext(items, _END), seconds_left())
                if item is _END:
                    return
                yield item
        finally:
            loop.run(items.aclose(), _END_SECONDS)


class OwnLoop:
    """An event loop for the coroutines of one call that is itself not awaited.

    On the calling thread; on another one where a loop runs already. `close` it.
    """

    def __init__(self) -> None:
        import asyncio

        self._thread: ThreadPoolExecutor | None = None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, "lockgate-loop")
        self._runner: asyncio.Runner = asyncio.Runner()

    def run(self, awaitable: Awaitable[T], seconds: float) -> T:
        """Await it, for so many seconds.

        Raises:
            TimeoutError: If it takes longer; it is cancelled then.
        """
        bounded = awaited(awaitable, seconds)
        if self._thread is None:
            return self._runner.run(bounded)
        return self._thread.submit(self._runner.run, bounded).result()

    def close(self) -> None:
        """End the loop, with what is left on it."""
        if self._thread is None:
            self._runner.close()
            return
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


async def awaited(awaitable: Awaitable[T], seconds: float) -> T:
    """What `awaitable` comes to, on the loop that runs.

    Raises:
        TimeoutError: If it takes longer; it is cancelled then.
        RuntimeError: If it ends as cancelled, though nobody cancelled the caller.
    """
    import asyncio

    try:
        async with asyncio.timeout(None if seconds == float("inf") else seconds):
            return await awaitable
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("it was cancelled, and not by its caller") from None


async def items_awaited(
    value: object, seconds_left: Callable[[], float]
) -> AsyncGenerator[Any]:
    """The items of whatever a streaming impl gave, on the loop that runs.

    Raises:
        Misfit: If it can't be iterated.
        TimeoutError: If an item takes longer than `seconds_left` says.
    """
    items = items_of(value)
    try:
        while True:
            item = await awaited(anext(items, _END), seconds_left())
            if item is _END:
                return
            yield item
    finally:
        await awaited(items.aclose(), _END_SECONDS)

"""A hook's answers item by item, for ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from types import TracebackType
from typing import Generic, Self, TypeVar

from lockgate._answers import HookFailure
from lockgate._call import Cancellation
from lockgate._streams import AnswerStream, Item

__all__ = ["AsyncAnswerStream"]

PATIENCE_SECONDS = 0.5
"""What a plugin has for its ``finally`` blocks when it is asked to end."""

T_co = TypeVar("T_co", covariant=True)


class AsyncAnswerStream(Generic[T_co]):
    """The items of a streaming call: iterate it with ``async for``, in one task.

    Leaving the loop early ends it; so does cancelling the task that waits for an
    item. Where items are had by ``anext`` use it as an async context manager, or
    `aclose` it.
    """

    def __init__(
        self, stream: AnswerStream[T_co], cancellation: Cancellation, threads: Executor
    ) -> None:
        self._stream = stream
        self._cancellation = cancellation
        self._threads = threads
        # Leaving the loop and leaving the context may both close it.
        self._turn = asyncio.Lock()

    @property
    def asked(self) -> tuple[str, ...]:
        """The plugins that were asked so far."""
        return self._stream.asked

    @property
    def failed(self) -> tuple[HookFailure, ...]:
        """Those that failed so far, where the hook's policy is to go on."""
        return self._stream.failed

    async def __aiter__(self) -> AsyncGenerator[Item[T_co]]:
        try:
            while True:
                try:
                    item = await anext(self)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            await self.aclose()

    async def __anext__(self) -> Item[T_co]:
        """The next item; waits for it.

        Raises:
            StopAsyncIteration: At the end.
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: At the end, if plugins failed and it is ``collect``.
        """
        async with self._turn:
            item = await self._next()
        if item is None:
            raise StopAsyncIteration
        return item

    async def _next(self) -> Item[T_co] | None:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, next, self._stream, None)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._cancellation.cancel()
            await asyncio.wait([future], timeout=PATIENCE_SECONDS)
            if not future.done():
                self._cancellation.cancel()
                await asyncio.wait([future])
            future.exception()
            raise

    async def aclose(self) -> None:
        """End what is left of it. May be repeated."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await loop.run_in_executor(self._threads, self._stream.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

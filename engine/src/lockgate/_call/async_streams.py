"""A hook's answers item by item, for ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Generic, Self, TypeVar

from lockgate._call.answers import HookFailure
from lockgate._call.call import Call
from lockgate._call.streams import Item

__all__ = ["AsyncAnswerStream"]

T_co = TypeVar("T_co", covariant=True)


class AsyncAnswerStream(Generic[T_co]):
    """The items of a streaming call: iterate it with ``async for``, in one task.

    Leaving the loop early ends it; so does cancelling the task that waits for an
    item. Where items are had by ``anext`` use it as an async context manager, or
    `aclose` it.
    """

    def __init__(self, call: Call, items: AsyncGenerator[Item[T_co]]) -> None:
        self._call = call
        self._items = items
        # Leaving the loop and leaving the context may both close it.
        self._turn = asyncio.Lock()

    @property
    def asked(self) -> tuple[str, ...]:
        """The plugins that were asked so far."""
        return tuple(self._call.asked)

    @property
    def failed(self) -> tuple[HookFailure, ...]:
        """Those that failed so far, where the hook's policy is to go on."""
        return tuple(self._call.failed)

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
            return await anext(self._items)

    async def aclose(self) -> None:
        """End what is left of it. May be repeated."""
        async with self._turn:
            await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

"""A hook's answers item by item, as the plugins make them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

from lockgate._call.answers import HookFailure
from lockgate._call.call import Call

__all__ = ["AnswerStream", "Item"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Item(NamedTuple, Generic[T]):
    """One item of a stream, and whose it is."""

    plugin: str
    value: T


class AnswerStream(Generic[T_co]):
    """The items of a streaming call: iterate it, in one thread at a time.

    A plugin is asked when the items of the one before it are at an end, and is not
    much ahead of its reader: it waits when a few items are unread. `close` ends it
    early: the plugin's ``finally`` blocks run. As a context manager it closes itself;
    so it does when it is thrown away.
    """

    def __init__(self, call: Call, items: Generator[Item[T_co]]) -> None:
        self._call = call
        self._items = items

    @property
    def asked(self) -> tuple[str, ...]:
        """The plugins that were asked so far."""
        return tuple(self._call.asked)

    @property
    def failed(self) -> tuple[HookFailure, ...]:
        """Those that failed so far, where the hook's policy is to go on."""
        return tuple(self._call.failed)

    def __iter__(self) -> Iterator[Item[T_co]]:
        return self

    def __next__(self) -> Item[T_co]:
        """The next item; waits for it.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: At the end, if plugins failed and it is ``collect``.
        """
        return next(self._items)

    def close(self) -> None:
        """End what is left of it. May be repeated."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

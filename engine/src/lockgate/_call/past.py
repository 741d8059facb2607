"""The calls of historic hooks: kept, so that who becomes active later hears of them.

A plugin is active from its first call on, and anew whenever a fresh worker takes its
place. Before the call that it starts for, a worker is told every past call of the
historic hooks that its plugin answers, in order; what it answers then is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

from lockgate._call.call import Call
from lockgate.errors import HistoryFullError
from lockgate.values import Data

__all__ = ["HISTORY_LIMIT_BYTES", "HISTORY_LIMIT_CALLS", "PastCalls"]

HISTORY_LIMIT_CALLS = 1024
HISTORY_LIMIT_BYTES = 16 * 1024 * 1024
"""Most that a host keeps, over all historic hooks."""

_NODE_BYTES = 64


class PastCalls:
    """The calls so far, in order. Thread-safe; only grows.

    `turn` is held while a historic call goes round, so that everybody hears of them
    in the same order.
    """

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self._calls: list[Call] = []
        self._bytes = 0

    def keep(self, call: Call) -> None:
        """Make `call` a part of the history, at `Call.position`.

        Raises:
            HistoryFullError: If there is no room for it.
        """
        size = _size(call.data)
        full = self._bytes + size > HISTORY_LIMIT_BYTES
        if full or len(self._calls) >= HISTORY_LIMIT_CALLS:
            raise HistoryFullError(call.spec.name, calls=len(self._calls))
        call.position = len(self._calls)
        self._bytes += size
        self._calls.append(call)

    def since(self, heard: int, before: Call) -> Iterator[tuple[int, Call]]:
        """The calls from position `heard` on that came before `before`, numbered."""
        end = len(self._calls) if before.position is None else before.position
        for position in range(heard, end):
            yield position, self._calls[position]


def _size(data: Data) -> int:
    """About how much memory `data` takes up, in bytes."""
    if isinstance(data, str | bytes):
        return _NODE_BYTES + len(data)
    if isinstance(data, Mapping):
        return _NODE_BYTES + sum(_size(k) + _size(v) for k, v in data.items())
    if isinstance(data, list | tuple):
        return _NODE_BYTES + sum(map(_size, data))
    return _NODE_BYTES

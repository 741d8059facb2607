"""A call under way, as the worker knows it."""

from __future__ import annotations

from collections import deque

from lockgate_sandbox._wire.frame import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Current"]

# As plain ints: the members of an IntEnum cost an attribute look-up per frame.
_ITEM, _CREDIT = int(Kind.ITEM), int(Kind.CREDIT)
_END, _CANCEL = int(Kind.END), int(Kind.CANCEL)

_GIVE_BACK = 8
"""Items that are read before the host is told that it may send more."""


class Current:
    """A call under way, as the worker knows it.

    `credit` counts the items that may be sent, `items` are those that came,
    `ended` says that no more will. `touched`: more was said of it than that it is.
    """

    __slots__ = (
        "call",
        "cancelled",
        "credit",
        "ended",
        "items",
        "sequence",
        "touched",
        "unread",
    )

    def __init__(self, call: bytes = b"") -> None:
        self.call = call
        self.sequence = 0
        self.credit = 0
        self.ended = True
        self.cancelled = self.touched = False
        self.items: deque[Any] = deque()
        self.unread = 0

    def open_stream(self, frame: list[Any]) -> None:
        """Take over what a CALL says about its streams."""
        self.touched = True
        self.credit = frame[4]
        self.ended = len(frame) > 5

    def read_one(self) -> int:
        """Count one more item as read; gives how many more the host is to be told of.

        It may send so many; 0 if it need not be told yet.
        """
        self.unread += 1
        if self.unread < _GIVE_BACK or self.ended:
            return 0
        count, self.unread = self.unread, 0
        return count

    def note(self, frame: list[Any]) -> None:
        """Take a frame that is about this call."""
        self.touched = True
        kind = frame[0]
        if kind == _ITEM:
            self.items.append(frame[2])
        elif kind == _CREDIT:
            self.credit += frame[2]
        elif kind == _END:
            self.ended = True
        elif kind == _CANCEL:
            self.cancelled = True

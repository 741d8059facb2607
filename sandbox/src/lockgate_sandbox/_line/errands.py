"""What reading finds to be done for a worker, and may have to wait.

Frames are read in the middle of sending one too, and nothing can be sent there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from lockgate_sandbox._line.flights import Flight
from lockgate_sandbox._wire.scan import FrameError

__all__ = ["Errands"]


class Errands:
    """Answers for calls that no thread waits for, and a larger ring. Thread-safe.

    `answer` runs the callbacks of a call, `make_room` makes a ring.
    """

    __slots__ = ("_answer", "_due", "_make_room", "_room_asked")

    def __init__(
        self, answer: Callable[[Flight], None], make_room: Callable[[object], None]
    ) -> None:
        self._answer = answer
        self._make_room = make_room
        self._due: deque[Flight | list[Any]] = deque()
        self._room_asked = False

    def __bool__(self) -> bool:
        return bool(self._due)

    def put(self, what: Flight | list[Any]) -> None:
        """Note a call that asks, or a ROOM.

        Raises:
            FrameError: If it is a ROOM before the last one was made.
        """
        if not isinstance(what, Flight):
            if self._room_asked:
                msg = "a ROOM before the last one was made"
                raise FrameError(msg)
            self._room_asked = True
        self._due.append(what)

    def do(self) -> None:
        """Do all of it; what it raises is the worker's end."""
        while self._due:
            try:
                what = self._due.popleft()
            except IndexError:  # another thread was quicker
                return
            if isinstance(what, Flight):
                self._answer(what)
            else:
                self._room_asked = False
                self._make_room(what[1])

"""The pipes of a worker that is called often: calls go by one, answers come by another.

Only a short plain answer may come here, one at a time, and to a call that went by the
pipe: whatever else is read is no frame. It is copied out of the pipe before anything
looks at it, and never waited for: the `ear` tells what has come, by whichever way.
"""

from __future__ import annotations

import os
import select
from fcntl import F_GETPIPE_SZ, fcntl
from io import FileIO
from typing import TYPE_CHECKING

from lockgate_sandbox._wire.frame import LEAVE
from lockgate_sandbox._wire.scan import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HostPipe"]

_PAGE_BYTES = 4096


class HostPipe:
    """Both pipes of one worker, and the ear; owns their descriptors.

    `calls` is the end to write calls to, `answers` the file to read answers from,
    `answer_bytes` how long one may be. `ear` listens to `answers` and to the
    descriptors `also`. `guests` are the ends that the worker gets.

    Raises:
        OSError: If there is no descriptor left.
    """

    __slots__ = (
        "_guest_answers",
        "_guest_calls",
        "answer_bytes",
        "answers",
        "calls",
        "ear",
    )

    def __init__(self, also: Iterable[int]) -> None:
        held: list[int] = []
        try:
            held += os.pipe()
            held += os.pipe()
            self.ear = select.epoll()
            for fd in (held[2], *also):
                self.ear.register(fd, select.EPOLLIN)
        except OSError:
            for fd in held:
                os.close(fd)
            raise
        # The reading end for calls is kept: so a write is never a SIGPIPE to an
        # embedder. That the worker is gone the socket tells.
        self._guest_calls, self.calls, answers, self._guest_answers = held
        os.set_blocking(self.calls, False)
        os.set_blocking(answers, False)
        # A file, not a number: once closed it can't be another's descriptor.
        self.answers = FileIO(answers, "r")
        self.answer_bytes = fcntl(answers, F_GETPIPE_SZ) - _PAGE_BYTES

    @property
    def call_bytes(self) -> int:
        """What goes to the worker at once, with a `LEAVE` before it.

        A user who has many pipes gets small ones.
        """
        return fcntl(self.calls, F_GETPIPE_SZ) - _PAGE_BYTES

    @property
    def guests(self) -> list[int]:
        """The worker's ends of both; none if it has got them."""
        ends = [self._guest_calls, self._guest_answers]
        return ends if self._guest_answers >= 0 else []

    def given(self) -> None:
        """The worker has its ends: when it is gone, the last writer of answers is."""
        end, self._guest_answers = self._guest_answers, -1
        os.close(end)

    def leave(self) -> None:
        """Tell the worker that the next frame comes by the socket.

        Raises:
            FrameError: If it has left its pipe unread.
        """
        try:
            os.write(self.calls, LEAVE)
        except BlockingIOError:
            msg = "what came by the pipe is not read"
            raise FrameError(msg) from None

    def close(self) -> None:
        """Close both and the ear."""
        for fd in (self._guest_calls, self.calls, self._guest_answers):
            if fd >= 0:
                os.close(fd)
        self.answers.close()
        self.ear.close()

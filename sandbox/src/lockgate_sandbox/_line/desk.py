"""Where a worker's questions are answered: the host's callbacks, by name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._wire import exchange
from lockgate_sandbox._wire.frame import Kind, NotDataError
from lockgate_sandbox._wire.scan import FrameTooLargeError
from lockgate_sandbox.callbacks import Callbacks, Passed
from lockgate_sandbox.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lockgate_sandbox._line.flights import Flight
    from lockgate_sandbox._line.sender import Sender
    from lockgate_sandbox._wire.arena import Region
    from lockgate_sandbox.errors import Data

__all__ = ["Desk"]

_ANSWER, _REFUSE = int(Kind.ANSWER), int(Kind.REFUSE)
_PASSED = int(Kind.PASSED)


class Desk:
    """Runs `callbacks` and sends what they give; on the thread that asks it to.

    `table` has the calls that are under way.
    """

    def __init__(self, sender: Sender, table: Mapping[bytes, Flight]) -> None:
        self.callbacks: Callbacks = {}
        self._sender = sender
        self._table = table

    def answer(self, frame: list[Any]) -> list[Region]:
        """Run the callback that an ASK names and send its answer, or its refusal.

        Gives the shared memory that the answer takes up.

        Raises:
            ChannelClosed: If the worker is gone.
            BaseException: What is no `Exception` passes.
        """
        _, call, sequence, name, arguments = frame
        head = [call, sequence]
        try:
            value = self.callback(name)(arguments)
        except Exception as error:
            # Without this frame: who keeps the error keeps what its frames hold.
            if error.__traceback__ is not None and error.__traceback__.tb_next:
                error.__traceback__ = error.__traceback__.tb_next
            self.refuse(head, error)
            return []
        if inspect.iscoroutine(value):
            value.close()
            self.refuse(head, _not_awaited(name))
            return []
        return self.give(head, value)

    def callback(self, name: str) -> Callable[[dict[str, Data]], object]:
        """The callback of that name.

        Raises:
            LookupError: If there is none.
        """
        callback = self.callbacks.get(name)
        if callback is None:
            raise exchange.no_callback(name)
        return callback

    def give(self, head: list[Any], value: Any) -> list[Region]:
        """Send what a callback gave; `head` is the call's id and the sequence.

        Gives the shared memory that it takes up.

        Raises:
            ChannelClosed: If the worker is gone.
        """
        if isinstance(value, Passed):
            self._pass(head, value)
            return []
        try:
            return self._sender.send_large([_ANSWER, *head, value], 3)
        except (NotDataError, FrameTooLargeError) as error:
            self.refuse(head, _unfit(error))
            return []

    def refuse(self, head: list[Any], error: Exception) -> None:
        """Tell the worker that a callback failed, and the call's owner what raised.

        Raises:
            ChannelClosed: If the worker is gone.
        """
        flight = self._table.get(head[0])
        if flight is not None:
            flight.refused = error
        self._sender.send([_REFUSE, *head, *exchange.refusal(error)])

    def _pass(self, head: list[Any], passed: Passed) -> None:
        """Answer with descriptors: a frame that announces them, then they."""
        try:
            message = [_PASSED, *head, passed.value, len(passed.fds)]
            self._sender.send_with_fds(message, passed.fds)
        except (NotDataError, FrameTooLargeError) as error:
            self.refuse(head, _unfit(error))
        finally:
            passed.close()


def _not_awaited(name: str) -> Exception:
    return PolicyError(
        f"the callback {name!r} is a coroutine function",
        hint="the host has to call the worker through an AsyncWorker",
    )


def _unfit(error: NotDataError | FrameTooLargeError) -> Exception:
    if isinstance(error, FrameTooLargeError) and error.received:
        raise error
    return ValueError(f"the host's answer can't cross: {error}")

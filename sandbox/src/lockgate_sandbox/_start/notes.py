"""What a script tells its host while it runs, and what it asks of a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate_sandbox._watch.claims import CLAIM, NOTES_LIMIT, RIGHTS, WHAT_CHARS
from lockgate_sandbox._wire import exchange
from lockgate_sandbox._wire.frame import ChannelClosed, Kind, NotDataError
from lockgate_sandbox._wire.remedy import denials_of
from lockgate_sandbox._wire.scan import FrameError, FrameTooLargeError
from lockgate_sandbox._wire.wire import Channel
from lockgate_sandbox.callbacks import Callbacks, Passed
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial

__all__ = ["Notes"]


class Notes:
    """The host's end of a script's channel. `claim` is its last word on a limit."""

    def __init__(
        self, channel: Channel, call: bytes, callbacks: Callbacks, policy: Policy
    ) -> None:
        self._policy = policy
        self._channel = channel
        self._call = call
        self._callbacks = callbacks
        self._sequence = 0
        self._told: list[tuple[str, str]] = []
        self.claim = ""

    @property
    def denials(self) -> list[Denial]:
        """What it has told that it tried beyond its rights."""
        return denials_of(self._told, self._policy)

    @property
    def fd(self) -> int:
        """Readable when there is something to take."""
        return self._channel.socket.fileno()

    def take(self, look: Callable[[], object]) -> bool:
        """Take one note or answer one question; False at the end.

        `look` is called whenever the script lets us wait; it raises to give up.
        """
        try:
            frame = self._channel.receive(look)
            if frame[0] == Kind.ASK:
                self._answer(frame, look)
                return True
            right, what = exchange.note(frame, self._call)
        except (ChannelClosed, FrameError, FrameTooLargeError):
            return False  # the end, or a script that plays with its descriptors
        if right == CLAIM:
            self.claim = what
        elif (
            right in RIGHTS
            and len(what) <= WHAT_CHARS
            and len(self._told) < NOTES_LIMIT
        ):
            self._told.append((right, what))
        return True

    def _answer(self, frame: list[Any], look: Callable[[], object]) -> None:
        exchange.check(frame, self._call, {int(Kind.ASK): 5})
        self._sequence += 1
        name, arguments = exchange.ask(frame, self._sequence)
        head: list[Any] = [self._call, self._sequence]
        try:
            callback = self._callbacks.get(name)
            if callback is None:
                raise exchange.no_callback(name)
            value = callback(arguments)
        except Exception as error:
            value = None
            message = [int(Kind.REFUSE), *head, *exchange.refusal(error)]
        else:
            message = [int(Kind.ANSWER), *head, value]
        if isinstance(value, Passed):
            try:
                look()
                count = len(value.fds)
                message = [int(Kind.PASSED), *head, value.value, count]
                self._channel.send(message, look)
                self._channel.send_fds(value.fds, look)
            finally:
                value.close()
            return
        look()  # a callback may take long, and come back in a forked copy of the host
        try:
            self._channel.send(message, look)
        except (NotDataError, FrameTooLargeError) as error:
            unfit = ValueError(f"the host's answer can't cross: {error}")
            refused = [int(Kind.REFUSE), *head, *exchange.refusal(unfit)]
            self._channel.send(refused, look)

"""What a target gets inside a worker, and the loop that serves its handler."""

from __future__ import annotations

import _thread
import os
import sys

from lockgate_sandbox._reach import Reach
from lockgate_sandbox._wire import (
    ChannelClosed,
    FrameTooLargeError,
    Kind,
    NotDataError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any, NoReturn

    from lockgate_sandbox._claims import Claims
    from lockgate_sandbox._wire import Channel

__all__ = ["TOO_LARGE", "HostCallError", "Session", "describe", "serve"]

TOO_LARGE = "lockgate_sandbox.errors.MessageLimitError"
"""The type name that a reply too large to send is reported under."""

_MESSAGE_CHARS = 8_192
_TRACEBACK_CHARS = 32_768

_OURS = ("lockgate", "lockgate_guest", "lockgate_sandbox", "importlib")
"""Packages whose frames stand between the worker's loop and foreign code."""

# As plain ints: the members of an IntEnum cost an attribute look-up per frame.
_CALL, _ANSWER, _REPLY = int(Kind.CALL), int(Kind.ANSWER), int(Kind.REPLY)
_RAISE, _ASK, _PASSED = int(Kind.RAISE), int(Kind.ASK), int(Kind.PASSED)


class HostCallError(Exception):
    """The host refused or failed what `Session.call_host` asked for.

    If the host raised a PermissionError, FileNotFoundError or the like, the
    exception here is of that class too.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.lockgate_details = {"kind": "host-call", "code": code, "hint": hint}

    def __str__(self) -> str:
        return self.message


_KINDS: dict[str, type[HostCallError]] = {
    kind.__name__: type("HostCall" + kind.__name__, (HostCallError, kind), {})
    for kind in (
        PermissionError,
        FileNotFoundError,
        FileExistsError,
        IsADirectoryError,
        NotADirectoryError,
        ConnectionError,
        TimeoutError,
        OSError,
        LookupError,
        ValueError,
    )
}


class Session(Reach):
    """A worker's view of itself and of its host.

    `scratch` is the folder it may write to, or None; `programs` maps the names
    of its programs to their paths; `tier` is the name of its tier.
    """

    HostCallError = HostCallError

    def __init__(self, channel: Channel, job: Mapping[str, Any]) -> None:
        self._channel = channel
        self._lock = _thread.allocate_lock()
        self._call = b""
        self._sequence = 0
        self._scratch: str | None = job["scratch"]
        self.programs: dict[str, str] = dict(job["programs"])
        self.tier: str = job["tier"]
        self.name: str = job["name"]

    @property
    def scratch(self) -> Path | None:
        """The folder that may be written to, emptied with the worker."""
        if self._scratch is None:
            return None
        from pathlib import Path

        return Path(self._scratch)

    def call_host(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run a callback of the host and give its answer. Any thread may ask.

        Raises:
            HostCallError: If the host refuses or fails.
            RuntimeError: If no call is under way: the host listens only then.
            TypeError: If the arguments may not cross the boundary.
        """
        value, fds = self.call_host_fds(name, arguments)
        for fd in fds:
            os.close(fd)
        return value

    def call_host_fds(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> tuple[Any, list[int]]:
        """Like `call_host`, with the file descriptors that came with the answer.

        They are the caller's to close, and close-on-exec.

        Raises:
            HostCallError: If the host refuses or fails.
            RuntimeError: If no call is under way: the host listens only then.
            TypeError: If the arguments may not cross the boundary.
        """
        fds: list[int] = []
        with self._lock:
            if not self._call:
                msg = "call_host works only while the host waits for a call"
                raise RuntimeError(msg)
            self._sequence += 1
            asked = [_ASK, self._call, self._sequence, name, dict(arguments or {})]
            self._channel.send(asked)
            answer = self._channel.receive()
            if answer[0] == _PASSED:
                fds = self._channel.receive_fds(answer[4])
        if answer[0] in (_ANSWER, _PASSED):
            return answer[3], fds
        _, _, _, kind, code, message, hint = answer
        raise _KINDS.get(kind, HostCallError)(code, message, hint)

    def begin(self, call: bytes) -> None:
        """Allow `call_host` for this call of the host's."""
        self._call, self._sequence = call, 0

    def finish(self, message: list[Any]) -> None:
        """Send what ends the call; afterwards nothing may be asked."""
        # The lock: a thread of the plugin may be in the middle of `call_host`.
        with self._lock:
            call, self._call = self._call, b""
            try:
                self._channel.send(message)
            except NotDataError as error:
                self._channel.send([_RAISE, call, "TypeError", str(error), "", None])
            except FrameTooLargeError as error:
                used = {"limit": error.limit, "used": error.used, "unit": error.unit}
                self._channel.send([_RAISE, call, TOO_LARGE, str(error), "", used])


def describe(error: BaseException) -> tuple[str, str, str]:
    """Class name, message and traceback text of `error`, each bounded.

    The error's own code runs here (``__str__``), so nothing is relied upon.
    """
    kind = type(error)
    name = str(kind.__qualname__)
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        message = str(error)
    except BaseException:
        message = "(its text could not be made)"
    cause = getattr(error, "lockgate_cause", None) or error
    try:
        text = _traceback(cause)
    except BaseException:  # no descriptor or memory left to look for the lines
        text = _places(cause)
    return (
        _printable(name)[:256],
        _printable(message)[:_MESSAGE_CHARS],
        _printable(text)[-_TRACEBACK_CHARS:],
    )


def _traceback(error: BaseException) -> str:
    """The traceback as text, without the frames on the way to foreign code."""
    from traceback import TracebackException

    text = TracebackException.from_exception(error)
    told: TracebackException | None = text
    shown: BaseException | None = error
    while told is not None and shown is not None:
        ours, frame = 0, shown.__traceback__
        while frame is not None and _is_ours(frame.tb_frame.f_globals.get("__name__")):
            ours, frame = ours + 1, frame.tb_next
        del told.stack[:ours]
        if told.__cause__ is not None:
            told, shown = told.__cause__, shown.__cause__
        else:
            told, shown = told.__context__, shown.__context__
    if not text.stack and _is_ours(type(error).__module__):
        return ""  # raised on the way there: its message says it all
    return "".join(text.format())


def _places(error: BaseException) -> str:
    """Where the error passed, without the lines of source."""
    told, frame = "", error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if not _is_ours(frame.tb_frame.f_globals.get("__name__")):
            told += f'  File "{code.co_filename}", line {frame.tb_lineno}\n'
        frame = frame.tb_next
    return f"Traceback (most recent call last):\n{told}"


def _is_ours(module: object) -> bool:
    return str(module).partition(".")[0] in _OURS


def _printable(text: str) -> str:
    # Lone surrogates have no UTF-8 and could not be sent.
    return text.encode("utf-8", "backslashreplace").decode()


def _failure(call: bytes, error: BaseException, claims: Claims) -> list[Any]:
    limit = claims.limit_of(error)
    name, message, text = describe(error)
    details = getattr(error, "lockgate_details", None)
    if limit and details is None:
        details = {"kind": "limit", "limit": limit}
    return [_RAISE, call, name, message, text, details]


def serve(
    session: Session,
    channel: Channel,
    handler: Callable[[str, dict[str, Any]], Any],
    claims: Claims,
) -> NoReturn:
    """Answer calls until the host closes the channel."""
    me = os.getpid()
    streams = [sys.stdout, sys.stderr]
    while True:
        try:
            kind, call, method, arguments = channel.receive()
        except ChannelClosed:
            os._exit(0)
        if kind != _CALL:
            os._exit(70)
        session.begin(call)
        try:
            message = [_REPLY, call, handler(method, arguments)]
        except BaseException as error:
            message = _failure(call, error, claims)
        if os.getpid() != me:
            os._exit(0)  # a child that the handler forked and let come back
        try:
            for stream in streams:
                stream.flush()
        except (OSError, ValueError):  # closed by the plugin
            streams = []
        try:
            session.finish(message)
        except ChannelClosed:
            os._exit(0)
        del message, arguments

"""Exceptions on their way across the boundary: described to the host, or by it.

Runs in the worker.
"""

from __future__ import annotations

from lockgate_sandbox._wire.frame import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "BUILTIN_KINDS",
    "TOO_LARGE",
    "CallCancelled",
    "HostCallError",
    "describe",
    "failure",
    "of_host",
]

TOO_LARGE = "lockgate_sandbox.errors.MessageLimitError"
"""The type name that a reply too large to send is reported under."""

_MESSAGE_CHARS = 8_192
_TRACEBACK_CHARS = 32_768

_OURS = ("lockgate", "lockgate_guest", "lockgate_sandbox", "importlib")
"""Packages whose frames stand between the worker's loop and foreign code."""

_RAISE = int(Kind.RAISE)


class CallCancelled(BaseException):
    """The host no longer wants the answer of this call.

    Not an `Exception`, so that honest code lets it pass and cleans up on its way.
    """


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


BUILTIN_KINDS: tuple[type[Exception], ...] = (
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
"""What a host's refusal may be as well; the most specific first."""

_HOST_CALL = "HostCall"
_PACKAGE = "lockgate_sandbox."
_KINDS: dict[str, type[HostCallError]] = {
    kind.__name__: type(_HOST_CALL + kind.__name__, (HostCallError, kind), {})
    for kind in BUILTIN_KINDS
}


def of_host(refusal: list[Any]) -> HostCallError:
    """The exception that a REFUSE frame of the host's stands for."""
    _, _, _, kind, code, message, hint = refusal
    return _KINDS.get(kind, HostCallError)(code, message, hint)


def describe(error: BaseException) -> tuple[str, str, str]:
    """Class name, message and traceback text of `error`, each bounded.

    The error's own code runs here (``__str__``), so nothing is relied upon.
    """
    kind = type(error)
    name = str(kind.__qualname__)
    if str(kind.__module__).startswith(_PACKAGE):  # its place is nothing to a reader
        name = name.removeprefix(_HOST_CALL) if kind in _KINDS.values() else name
    elif kind.__module__ != "builtins":
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


def failure(call: bytes, error: BaseException, limit: str = "") -> list[Any]:
    """The RAISE frame that ends `call` with `error`, which `limit` is behind."""
    name, message, text = describe(error)
    details = getattr(error, "lockgate_details", None)
    if limit and details is None:
        details = {"kind": "limit", "limit": limit}
    return [_RAISE, call, name, message, text, details]

"""What an exception in a worker tells: where it was raised, and what was refused.

A claim by the worker, like all that it says. Standard library only: a plugin must find
its own versions of everything else.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from types import TracebackType

from lockgate.values import Data

__all__ = ["denial_in", "place_of"]

_CHAIN_LIMIT = 20
# As text, because that is what the frames' file names are.
_LIBRARY = f"{os.path.dirname(os.__file__)}/"  # noqa: PTH120
_OURS = f"{os.path.dirname(__file__)}/"  # noqa: PTH120


def denial_in(error: BaseException) -> dict[str, Data]:
    """What was refused, if `error` comes of that: a path, a call, or a variable."""
    for met in _chain(error):
        if isinstance(met, KeyError):
            return {"kind": "missing-variable", "name": _readable(met.args[0])}
        if met.errno not in (errno.EACCES, errno.EPERM):
            continue
        # Landlock says EACCES of a path. What says EPERM is seccomp, of a call that may
        # name a path, too: a program's, where Python 3.13 uses posix_spawn(3).
        if met.errno == errno.EACCES and isinstance(met.filename, str | bytes):
            return {"kind": "denied-path", "path": _readable(met.filename)}
        return {"kind": "denied-call", "file": _last_file(met)}
    return {}


def _readable(name: str | bytes) -> str:
    """A name of the system's as text, which it need not be."""
    return os.fsdecode(name).encode("utf-8", "backslashreplace").decode()


def place_of(error: BaseException) -> tuple[str, int]:
    """File and line that raised `error`, below code that is the library's or ours."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    found = "", 0
    for frame in _frames(error.__traceback__):
        file = frame.tb_frame.f_code.co_filename
        if not file.startswith("<") and not _is_ours(file):
            found = file, frame.tb_lineno
    return found


def _is_ours(file: str) -> bool:
    library = file.startswith(_LIBRARY) and "/site-packages/" not in file
    return library or file.startswith(_OURS)


def _chain(error: BaseException | None) -> Iterator[OSError | KeyError]:
    """`error` and what it came from, where those are errors of the system.

    A variable that is not there is such a one, too.
    """
    for _ in range(_CHAIN_LIMIT):
        if error is None:
            return
        if isinstance(error, OSError):
            yield error
        if isinstance(error, KeyError) and error.args and _is_of_environ(error):
            yield error
        error = error.__cause__ or error.__context__


def _is_of_environ(error: KeyError) -> bool:
    codes = [one.tb_frame.f_code for one in _frames(error.__traceback__)]
    asks = bool(codes) and codes[-1] is type(os.environ).__getitem__.__code__
    return asks and isinstance(error.args[0], str | bytes)


def _frames(frame: TracebackType | None) -> Iterator[TracebackType]:
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _last_file(error: BaseException) -> str:
    """The file that raised `error`."""
    files = [one.tb_frame.f_code.co_filename for one in _frames(error.__traceback__)]
    return files[-1] if files else ""

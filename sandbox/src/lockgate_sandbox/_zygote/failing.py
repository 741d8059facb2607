"""How a child that can't do its job says why, and ends."""

from __future__ import annotations

import os

from lockgate_sandbox._wire import raised
from lockgate_sandbox._wire.frame import BEFORE_CALLS, Kind
from lockgate_sandbox.posture import LayerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lockgate_sandbox._wire.guest_end import GuestChannel

__all__ = ["fail_with", "refuse"]

# As plain ints: the members of an IntEnum are looked up by way of their class.
_FAILED, _AHEAD_OF = int(Kind.FAILED), int(Kind.AHEAD)

_STATUS = 71


def refuse(channel: GuestChannel, error: Exception) -> NoReturn:
    """Tell why there is no seal, and end when the job that came is read.

    A socket that is closed with something unread takes along what it had sent.
    """
    if isinstance(error, LayerError):
        stage, fields = "layer", error.to_dict()
    else:
        stage, fields = "seal", _fields(error)
    try:
        channel.send([_FAILED, BEFORE_CALLS, stage, fields])
        while channel.receive()[0] == _AHEAD_OF:
            pass
    finally:
        os._exit(_STATUS)


def fail_with(
    channel: GuestChannel,
    call: bytes,
    stage: str,
    error: BaseException,
    limit: str = "",
) -> NoReturn:
    """Tell by which `error` the job ended, at which `stage`, and end.

    `limit` names the one that the error came of, if it came of one.
    """
    try:
        channel.send([_FAILED, call, stage, {**_fields(error), "limit": limit}])
    finally:
        os._exit(_STATUS)


def _fields(error: BaseException) -> dict[str, str]:
    name, message, text = raised.describe(error)
    return {"type": name, "message": message, "traceback": text}

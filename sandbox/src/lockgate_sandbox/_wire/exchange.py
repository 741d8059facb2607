"""The host's reading of what a worker sends: shapes, order, errors.

Nothing here believes a worker: a frame that is not exactly what may come next is
a `FrameError`, and the caller kills the worker for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from lockgate_sandbox._watch import limits
from lockgate_sandbox._watch.claims import WHAT_CHARS
from lockgate_sandbox._wire import remedy
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.raised import BUILTIN_KINDS, TOO_LARGE
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox.errors import (
    Data,
    LayerMissingError,
    RemoteError,
    SandboxError,
    StartError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture

__all__ = [
    "AT_BUILD",
    "AT_ONCE",
    "AT_SEAL",
    "IN_CALL",
    "answer",
    "ask",
    "check",
    "explain",
    "no_callback",
    "note",
    "refusal",
]

# Elements of each frame that may come, by plain integers: this is every call's way.
# Of the seal only our own code tells, before the first foreign byte: what comes
# later can neither claim a posture nor name a layer and its remedy.
_READY, _REPLY, _RAISE = int(Kind.READY), int(Kind.REPLY), int(Kind.RAISE)
AT_SEAL = {int(Kind.READY): 3, int(Kind.FAILED): 4}
AT_BUILD = {int(Kind.REPLY): 3, int(Kind.FAILED): 4, int(Kind.ASK): 5}
IN_CALL = {
    int(Kind.REPLY): 3,
    int(Kind.RAISE): 6,
    int(Kind.ASK): 5,
    int(Kind.ITEM): 3,
    int(Kind.CREDIT): 3,
}
AT_ONCE = {**IN_CALL, int(Kind.FAILED): 4}
"""While the target is built: calls may be under way already, behind the START."""


def check(frame: list[Any], call: bytes, due: Mapping[int, int]) -> int:
    """The kind of a frame that may come now: one of `due`, with its elements.

    Raises:
        FrameError: If the frame is unknown, misshapen, not in its turn, or
            about another call: late, repeated or forged.
    """
    kind: object = frame[0]
    if type(kind) is not int or kind not in due:
        msg = f"a frame of kind {kind!r:.40}, which may not come now"
        raise FrameError(msg)
    if len(frame) != due[kind]:
        msg = f"a {Kind(kind).name} of {len(frame)} elements"
        raise FrameError(msg)
    if type(frame[1]) is not bytes or frame[1] != call:
        msg = f"a {Kind(kind).name} with another call's id: late, repeated or forged"
        raise FrameError(msg)
    return kind


def _text(frame: Sequence[Any], index: int) -> str:
    value = frame[index]
    if type(value) is not str:
        msg = f"a {Kind(frame[0]).name} whose element {index} is no text"
        raise FrameError(msg)
    return value


def ask(frame: list[Any], sequence: int) -> tuple[str, dict[str, Data]]:
    """Name and arguments of a callback that must be the `sequence`-th.

    Raises:
        FrameError: If it is not.
    """
    if type(frame[2]) is not int or frame[2] != sequence or type(frame[4]) is not dict:
        msg = "a misshapen ASK or one out of order"
        raise FrameError(msg)
    return _text(frame, 3), cast("dict[str, Data]", frame[4])


def answer(
    kind: int,
    frame: Sequence[Any],
    policy: Policy,
    *,
    sealed: bool = True,
    folders: Sequence[str] = (),
) -> Any:
    """What a checked frame means: a value, a posture, or an error to raise.

    `sealed`: foreign code may have sent it. `folders` are those that it imports from.

    Raises:
        FrameError: If its inside is misshapen.
    """
    if kind == _REPLY:
        return frame[2]
    if kind == _READY:
        return _ready(frame)
    if kind == _RAISE:
        return _raised(frame, policy, folders)
    return _failure(frame, policy, sealed, folders)


def _raised(
    frame: Sequence[Any], policy: Policy, folders: Sequence[str]
) -> SandboxError:
    kind, message, traceback = (_text(frame, index) for index in (2, 3, 4))
    details = cast("Data", frame[5])
    # Who gives details, like a refusal of the host's, says more than could be guessed.
    hint = "" if details else remedy.way_out(kind, message, policy, folders)
    told = RemoteError(kind, message, traceback, details, hint=hint)
    if not isinstance(details, dict):
        return told
    if kind == TOO_LARGE:
        most, used = details.get("limit"), details.get("used")
        if isinstance(most, int) and isinstance(used, int):
            unit = str(details.get("unit"))[:16]
            return limits.too_large(most, used, unit, claimed=True)
    if details.get("kind") == "limit":
        return limits.claimed(details.get("limit"), policy.limits, told) or told
    return told


def _failure(
    frame: Sequence[Any], policy: Policy, sealed: bool, folders: Sequence[str]
) -> SandboxError:
    stage, fields = _text(frame, 2), frame[3]
    if type(fields) is not dict:
        msg = "a FAILED without fields"
        raise FrameError(msg)
    items = cast("dict[str, object]", fields).items()
    texts = {key: str(value) for key, value in items}
    if stage == "layer" and not sealed:
        return LayerMissingError(
            texts.get("layer", "?"),
            texts.get("detail", ""),
            hint=texts.get("remedy", ""),
        )
    kind, message = texts.get("type", "?"), texts.get("message", "")
    detail = f"{kind}: {message}" if message else kind
    hint = remedy.way_out(kind, message, policy, folders)
    if stage == "target":
        hint = hint or remedy.of_target(kind, message)
    told = StartError(stage, detail, traceback=texts.get("traceback", ""), hint=hint)
    return limits.claimed(texts.get("limit"), policy.limits, told) or told


def _ready(frame: Sequence[Any]) -> Posture:
    try:
        told, peak_kib = frame[2]
        if type(told) is str and type(peak_kib) is int:
            return Posture.from_wire(told)
    except (TypeError, ValueError) as error:
        msg = "a READY without a posture"
        raise FrameError(msg) from error
    msg = "a READY without a posture and a peak"
    raise FrameError(msg)


def note(frame: list[Any], call: bytes) -> tuple[str, str]:
    """Right and resource of a NOTE; of what is too long, enough to know it by.

    Raises:
        FrameError: If it is none.
    """
    if frame[0] != Kind.NOTE or len(frame) != 4 or frame[1] != call:
        msg = "something else than a NOTE"
        raise FrameError(msg)
    return _text(frame, 2)[:32], _text(frame, 3)[: WHAT_CHARS + 1]


_BROKERED = {
    "broker.secret": "no secret",
    "broker.http.open": "no host",
    "broker.file.open": "no path by way of the host",
    "broker.device.open": "no device",
    "broker.tool.run": "no program of the machine",
}
"""What a session asks first, of a host that has no broker for it."""


def no_callback(name: str) -> Exception:
    """The exception for a callback that the host does not offer."""
    if name in _BROKERED:
        return PermissionError(f"{_BROKERED[name]} is granted here")
    return LookupError(f"the host offers no callback {name[:80]!r}")


_KEPT_HERE = "what it raised is this error's __cause__: the code is told its class only"


def explain(told: SandboxError, refused: Exception) -> None:
    """Let an error that ended a call have what its callback `refused` with as cause.

    That a callback raised is a fact, and that the call ended by it the worker's word.
    """
    kind, code, message, _ = refusal(refused)
    said = told.message if isinstance(told, RemoteError) else str(told)
    if told.__cause__ is not None or not message or str(message) not in said:
        return
    told.__cause__ = refused
    if code == _CODELESS and not (kind or told.hint):
        told.hint = _KEPT_HERE
        told.add_note(f"hint: {told.hint}")


_CODELESS = "callback-failed"


def refusal(error: Exception) -> list[Data]:
    """What the worker is told of a callback's exception.

    The text of an exception that is neither meant for the plugin (it has a
    `code`) nor about a resource it named stays here: it may hold the host's
    secrets.
    """
    kind = next((item for item in BUILTIN_KINDS if isinstance(error, item)), None)
    code = getattr(error, "code", None)
    hint = getattr(error, "hint", "")
    if isinstance(code, str) or kind is not None:
        message = str(error)
    else:
        message = f"the host's callback failed ({type(error).__name__})"
    return [
        kind.__name__ if kind else "",
        code if isinstance(code, str) else _CODELESS,
        message.encode("utf-8", "replace").decode(),
        hint if isinstance(hint, str) else "",
    ]

"""What goes wrong in a plugin while it answers a hook: `lockgate.errors` has all.

Standard library only: imported wherever lockgate is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate._errors.root import LockgateError

if TYPE_CHECKING:
    from lockgate.values import Data

__all__ = [
    "AnswerInvalidError",
    "HistoryFullError",
    "HookError",
    "HookLimitError",
    "HookTimeoutError",
    "WorkerCrashedError",
]


class HistoryFullError(LockgateError):
    """No more calls of historic hooks can be kept than `calls`; nobody was asked."""

    code = "history-full"
    remedy = "Call it less often or with less; a new host begins with no history."

    def __init__(self, hook: str, *, calls: int) -> None:
        message = f"the history of {hook!r} and its like is full ({calls} calls)"
        super().__init__(message, hook=hook, calls=calls)
        self.hook = hook
        self.calls = calls


class HookError(LockgateError):
    """A plugin's answer to a hook failed.

    `cause` is the code of what went wrong below (``remote-error``,
    ``memory-limit`` ...); `detail` is that error's own text and `traceback` the
    worker's, where it had one: shown, never evaluated. So is `output`, what the
    plugin had printed in the call.
    """

    code = "hook-failed"
    remedy = "The fault is in NAME: report it to its author, with the input."

    def __init__(
        self,
        detail: str = "",
        /,
        *,
        plugin: str,
        hook: str,
        version: str = "",
        cause: str = "",
        traceback: str = "",
        output: str = "",
        hint: str = "",
        **fields: Data,
    ) -> None:
        named = f"{plugin} {version}".strip()
        super().__init__(
            hint=hint,
            where=f"{named}, hook {hook}",
            plugin=plugin,
            hook=hook,
            version=version,
            cause=cause,
            traceback=traceback,
            **({"output": output} if output else {}),
            **fields,
        )
        self.plugin = plugin
        self.hook = hook
        self.version = version
        self.cause = cause
        self.detail = detail
        self.traceback = traceback
        self.output = output

    def _text(self) -> str:
        cause = f" [{self.cause}]" if self.cause and self.cause != self.code else ""
        return f"{self.detail or 'the plugin raised an error'}{cause}"


class HookTimeoutError(HookError):
    """A plugin did not answer within the call's time; its worker was killed."""

    code = "hook-timeout"
    remedy = (
        "Give it longer: --timeout, or wall-seconds where its own limit ended it. "
        "If it never ends, report it to its author."
    )


class WorkerCrashedError(HookError):
    """A plugin's worker process died during a call; the next call gets a new one."""

    code = "worker-crashed"
    remedy = "Call again; if it keeps dying, report it to the plugin's author."


class HookLimitError(HookError):
    """A plugin used up one of its limits; `cause` names which."""

    code = "hook-limit"
    remedy = "`lockgate info NAME` shows its limits, which its tier bounds."


class AnswerInvalidError(HookError):
    """A plugin answered what the hook's spec does not allow."""

    code = "answer-invalid"
    remedy = "`lockgate hooks show HOOK` prints what an answer is made of."

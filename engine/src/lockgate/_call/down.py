"""What becomes of a call when a plugin is down: the owner's word for each plugin.

``fail``   the call fails, whatever its hook's policy: for a gate not to be left out
``skip``   the call goes on; `Answers.failed` says that it was left out
``open``   the call goes on as if the plugin were not there

Without a word the hook's own policy decides. A plugin is down while it can't be asked
at all (quarantined, its files gone), not when it was asked and failed; and a call that
names the plugin fails in any case.
"""

from __future__ import annotations

from typing import Literal

from lockgate._call.call import Call
from lockgate._settings.value import WhenDown
from lockgate.errors import LockgateError, PluginUnavailableError

__all__ = ["PluginDownError", "fate", "leaves_call_whole", "marked"]


class PluginDownError(PluginUnavailableError):
    """A plugin is down, and its owner has said what that means for calls."""

    def __init__(self, error: PluginUnavailableError, when_down: WhenDown) -> None:
        super().__init__(
            error.plugin, state=error.state, reason=error.reason, hint=error.hint
        )
        self.trace = error.trace
        self.when_down: WhenDown = when_down


def marked(error: LockgateError, when_down: WhenDown | None) -> LockgateError:
    """The error, with the owner's word if it says that the plugin is down."""
    if when_down is None or not isinstance(error, PluginUnavailableError):
        return error
    return PluginDownError(error, when_down)


def fate(
    call: Call, error: LockgateError, *, named: bool
) -> Literal["raise", "note", "pass"]:
    """What is to be done with a plugin's error; `named`: the call asked for it."""
    if isinstance(error, PluginDownError) and not named:
        return _FATES[error.when_down]
    return "raise" if call.fail_fast else "note"


_FATES: dict[WhenDown, Literal["raise", "note", "pass"]] = {
    "fail": "raise",
    "skip": "note",
    "open": "pass",
}


def leaves_call_whole(error: LockgateError) -> bool:
    """Whether what was noted is no failure of the call, where all are collected."""
    return isinstance(error, PluginDownError) and error.when_down == "skip"

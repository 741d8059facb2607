"""Codes of the step `freshness`: the index contradicts what it said before."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["FRESHNESS"]

_STEP = "freshness"
_ASK = "Ask the project what happened; then `lockgate trust accept INDEX/NAME`."

_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "freshness-hash-changed",
        "a file that was seen before has other content now",
        _ASK,
    ),
    (
        "freshness-late-file",
        "a file was added to a release that was complete for two weeks",
        _ASK,
    ),
    (
        "freshness-not-owned",
        "another user could have written what is remembered of indexes",
        "See who owns the data folder (`lockgate doctor`).",
    ),
    (
        "freshness-serial-back",
        "the index shows an older state than it showed before",
        "Try again in some minutes; if it stays so, somebody replays an old page.",
    ),
    (
        "freshness-serial-gone",
        "the index counted its changes, and does not tell the number any more",
        "Try again in some minutes; " + _ASK[:1].lower() + _ASK[1:],
    ),
    (
        "freshness-status-back",
        "a project that was in quarantine is out of it again",
        _ASK,
    ),
    (
        "freshness-unreadable",
        "what is remembered of a project cannot be read or written",
        "Restore the file from a backup, or remove it to begin anew.",
    ),
    (
        "freshness-version-vanished",
        "a version that was seen before is gone",
        _ASK,
    ),
)

FRESHNESS: dict[str, Code] = {
    code: Code(_STEP, means, hint) for code, means, hint in _TABLE
}

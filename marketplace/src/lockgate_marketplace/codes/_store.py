"""Codes of the step `store`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["STORE"]

_STEP = "store"

STORE: dict[str, Code] = {
    "store-unwritable": Code(
        _STEP,
        "the disk refuses what is to be written into the store; what was in force "
        "still is",
        "Make room (`lockgate gc`) or see who may write there, and run it again.",
    ),
    "store-wheel-missing": Code(
        _STEP,
        "the store has no such wheel, or it was collected",
        "Install what needs it again; `lockgate verify` shows what else is missing.",
    ),
    "store-record": Code(
        _STEP,
        "what an unpacked wheel says of itself is not what was written",
        "Install the wheel again: it is then replaced.",
    ),
    "store-file-collision": Code(
        _STEP,
        "two wheels of one environment bring the same file, or the same distribution",
        "Ask for versions that do not; one of the two should not have the file.",
    ),
    "store-no-generation": Code(
        _STEP,
        "there is no such generation to go back to",
        "`lockgate rollback --list` shows those that are kept.",
    ),
}

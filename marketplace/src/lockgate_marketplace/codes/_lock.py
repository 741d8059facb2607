"""Codes of the step `lock`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["LOCK"]

_STEP = "lock"

LOCK: dict[str, Code] = {
    "lock-missing": Code(
        _STEP,
        "there is no lock file of that name",
        "Write one where the plugins are installed: `lockgate lock`.",
    ),
    "lock-invalid": Code(
        _STEP,
        "the lock file is not what `lockgate lock` writes; nothing of it is used",
        "Take it from version control again, or write it anew: `lockgate lock`.",
    ),
    "lock-identity": Code(
        _STEP,
        "the lock names another publisher than the file, or this machine, knows",
        "Ask who gave you the lock. If a publisher rightly changed: `lockgate trust "
        "rotate NAME` here, and write the lock anew where it comes from.",
    ),
    "lock-old": Code(
        _STEP,
        "the lock file is of an earlier form; it is used, and tells less",
        "Write it anew where the plugins are installed: `lockgate lock`.",
    ),
    "lock-unwritable": Code(
        _STEP,
        "the lock file cannot be written; what was there still is",
        "See who may write to its folder, or name another one with --file.",
    ),
    "lock-index": Code(
        _STEP,
        "the lock names an index that your settings do not know, or have the name come "
        "from another",
        "A lock is anybody's text: which index is asked is your word. If you trust it, "
        "name it in your settings (`lockgate config path`): "
        "`[plugins.marketplace.indexes.NAME]` with its `url`, and the name in its "
        "`prefixes` if it would come from another. Or bring the wheels along: "
        "--wheels.",
    ),
    "lock-wheel-missing": Code(
        _STEP,
        "a wheel that the lock names is not in the store, not among the files given, "
        "and not in its index",
        "Put the file into the folder that --wheels names. Its name and hash must be "
        "those of the lock.",
    ),
    "lock-wheel-differs": Code(
        _STEP,
        "a file has the name of a locked wheel, and other bytes",
        "Do not install it: take the file from where it was first taken from, or ask "
        "who gave you the lock.",
    ),
}

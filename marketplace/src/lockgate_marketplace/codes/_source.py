"""Codes of the step `source`: which index a name belongs to."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["SOURCE"]

_STEP = "source"
_SETTINGS = "See `[plugins.marketplace]` in your settings (`lockgate config show`)."

SOURCE: dict[str, Code] = {
    "source-config": Code(_STEP, "the settings of the indexes are unsound", _SETTINGS),
    "source-elsewhere": Code(
        _STEP,
        "a dependency belongs to an index that the plugin's index may not draw from",
        "If that is wanted, name that index as `dependencies` of the plugin's index.",
    ),
    "source-none": Code(
        _STEP,
        "no index is configured",
        "Name one in your settings (`lockgate config path` tells where they are): "
        '`[plugins.marketplace]` with `default = "main"`, and '
        '`[plugins.marketplace.indexes.main]` with `url = "https://…/simple/"`.',
    ),
    "source-reserved": Code(
        _STEP,
        "the name's prefix belongs to another index than the one that was named",
        "Leave the index out, or change `prefixes`.",
    ),
    "source-two-indexes": Code(
        _STEP,
        "two indexes would have to answer for one name; they are never merged",
        "Bind the name to one of them by a prefix.",
    ),
    "source-unbound": Code(
        _STEP,
        "several indexes are configured and none of them answers for the name",
        "Write `INDEX/NAME`, set `default`, or give an index the name's prefix.",
    ),
    "source-unknown": Code(_STEP, "there is no index of that name", _SETTINGS),
    "source-url": Code(
        _STEP,
        "the address of an index is not fit to install from",
        "Set it to an https URL like https://index.example/simple/.",
    ),
}

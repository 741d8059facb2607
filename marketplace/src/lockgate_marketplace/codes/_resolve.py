"""Codes of the step `resolve`: which versions fit together."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["RESOLVE"]

_STEP = "resolve"
_WHY = "The message tells what speaks against each version; ask for another one."

_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "resolve-impossible",
        "no set of versions fulfils what all plugins require",
        "Loosen one of the requirements, or take a plugin away.",
    ),
    (
        "resolve-manifest-differs",
        "the plugin's manifest is not what its index showed before the download",
        "Do not install it; tell whoever runs the index.",
    ),
    (
        "resolve-metadata-differs",
        "the wheel's metadata is not what its index showed before the download",
        "Do not install it; tell whoever runs the index.",
    ),
    (
        "resolve-near-name",
        "the name is not known here, and is close to one that is",
        "Check the spelling; if the name is right, allow it by `--name-is-right`.",
    ),
    ("resolve-no-candidate", "no version of a project can be used", _WHY),
    (
        "resolve-older",
        "the newest version that may be used is older than the one that is installed",
        "Stay with what you have. To go back, name the version: NAME==VERSION.",
    ),
    ("resolve-too-deep", "too many combinations would have to be tried", _WHY),
    (
        "resolve-want",
        "what is wanted is no requirement",
        "Write INDEX/NAME[EXTRA]==VERSION; index, extra and version may be left out.",
    ),
)

RESOLVE: dict[str, Code] = {
    code: Code(_STEP, means, hint) for code, means, hint in _TABLE
}

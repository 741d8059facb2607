"""Codes of the step `scan`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["SCAN"]

SCAN: dict[str, Code] = {
    "scan-undeclared-right": Code(
        "scan",
        "The source does what the manifest does not ask for.",
        "Ask the author to declare it. The kernel would refuse it anyway: if you want "
        "the plugin without it, install with --accept-undeclared.",
    ),
    "scan-unreadable": Code(
        "scan",
        "Some of the source can't be read, or hides what it does.",
        "Look at the lines that are named. If you trust the author: --accept-opaque.",
    ),
}

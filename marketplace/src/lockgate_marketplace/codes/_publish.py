"""Codes of the step `publish`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["PUBLISH"]

PUBLISH: dict[str, Code] = {
    "publish-key": Code(
        "publish",
        "The file of a publisher's key cannot be used.",
        "Make one with: lockgate trust key FILE",
    ),
}

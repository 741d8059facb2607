"""Codes of the step `publish`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["PUBLISH"]

PUBLISH: dict[str, Code] = {}

"""Codes of the step `resolve`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["RESOLVE"]

RESOLVE: dict[str, Code] = {}

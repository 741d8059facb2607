"""Codes of the step `freshness`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["FRESHNESS"]

FRESHNESS: dict[str, Code] = {}

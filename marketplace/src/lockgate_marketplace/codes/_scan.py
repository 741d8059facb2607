"""Codes of the step `scan`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["SCAN"]

SCAN: dict[str, Code] = {}

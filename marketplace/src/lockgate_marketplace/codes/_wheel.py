"""Codes of the step `wheel`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["WHEEL"]

WHEEL: dict[str, Code] = {}

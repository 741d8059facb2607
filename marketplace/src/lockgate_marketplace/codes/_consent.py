"""Codes of the step `consent`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["CONSENT"]

CONSENT: dict[str, Code] = {}

"""Codes of the step `store`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["STORE"]

STORE: dict[str, Code] = {}

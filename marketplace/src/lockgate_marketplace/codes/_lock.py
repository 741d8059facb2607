"""Codes of the step `lock`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["LOCK"]

LOCK: dict[str, Code] = {}

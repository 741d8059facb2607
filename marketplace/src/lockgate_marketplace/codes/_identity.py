"""Codes of the step `identity`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["IDENTITY"]

IDENTITY: dict[str, Code] = {}

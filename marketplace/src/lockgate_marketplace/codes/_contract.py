"""Codes of the step `contract`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["CONTRACT"]

CONTRACT: dict[str, Code] = {}

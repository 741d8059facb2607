"""Codes of the step `page`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["PAGE"]

PAGE: dict[str, Code] = {}

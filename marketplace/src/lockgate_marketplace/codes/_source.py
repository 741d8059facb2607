"""Codes of the step `source`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["SOURCE"]

SOURCE: dict[str, Code] = {}

"""Codes of the step `fetch`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["FETCH"]

FETCH: dict[str, Code] = {}

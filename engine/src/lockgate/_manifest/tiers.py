"""Which tiers are had without consent, and which no owner can give."""

from __future__ import annotations

__all__ = ["FREE_TIERS", "SYSTEM"]

FREE_TIERS = ("read-only", "basic")
"""Tiers that need no consent: they reach nothing outside their own folder."""

SYSTEM = "system"
"""The tier of the trusted base. Only the shipped policy gives it, no owner."""

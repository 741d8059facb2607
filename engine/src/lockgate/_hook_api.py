"""The version of the hook API, where it costs nothing to know it."""

from __future__ import annotations

__all__ = ["HOOK_API_VERSION"]

HOOK_API_VERSION = "1.1"
"""What a manifest's ``hook-api`` range is held against."""

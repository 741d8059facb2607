"""What the rules of a request have in common: how they fail, and what is one header."""

from __future__ import annotations

__all__ = ["RuleError", "same_header"]


class RuleError(ValueError):
    """A request breaks a rule; no grant would allow it."""


def same_header(name: str) -> str:
    """`name` as it is compared: gateways (CGI, WSGI) read ``_`` as ``-``."""
    return name.lower().replace("_", "-")

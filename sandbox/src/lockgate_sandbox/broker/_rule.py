"""What the rules of a request have in common: how they fail, and what is one header."""

from __future__ import annotations

import re

__all__ = ["RuleError", "same_header"]


_NO_LETTER = re.compile("[^a-z0-9]")


class RuleError(ValueError):
    """A request breaks a rule; no grant would allow it."""


def same_header(name: str) -> str:
    """`name` as it is compared: what gateways make one variable of is one header.

    CGI and WSGI read ``_`` as ``-``, PHP's own server a dot as well, and lighttpd
    whatever is no letter or digit.
    """
    return _NO_LETTER.sub("-", name.lower())

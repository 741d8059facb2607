"""How much a page may hold; its bytes are bounded where it is fetched."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PageLimits"]


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What is counted before or while a page is parsed."""

    depth: int = 12
    """Of JSON; the Simple API needs 4."""
    containers: int = 400_000
    """Objects and arrays of JSON; each costs up to 30 times its two bytes."""
    values: int = 1_500_000
    """Commas of JSON."""
    files: int = 50_000
    links: int = 50_000
    """Of HTML."""
    piece_chars: int = 1 << 14
    """Of HTML, which the parser is fed with at once."""
    tag_chars: int = 1 << 16
    """Of HTML that are no whole tag yet, after each piece."""
    text_chars: int = 4_096
    """Of a link: a file's name, or a project's."""
    html_seconds: float = 20.0
    """For the HTML parser, which malformed pages can make quadratic."""
    names: int = 2_000_000


LIST = PageLimits(containers=2_000_100, values=4_000_000, links=2_000_000)
"""For the page of all names."""

"""What is said of one code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """A reason to refuse: the step of the chain, what it means, the way out."""

    step: str
    means: str
    hint: str

"""What a wheel is to fit into: a Python, and what is installed already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate_marketplace.wheel._names import Target

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The Python that would run the wheel, and whose the names already are.

    Distributions are named as packaging normalises them. What the wheel's own
    distribution owns is no obstacle: it is an upgrade.
    """

    target: Target = field(default_factory=Target.running)
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    """Dotted module -> the distribution that brings it (`Wheel.modules`)."""
    plugins: Mapping[str, str] = field(default_factory=dict[str, str])
    """Plugin -> the distribution that brings it."""
    host: bool = False
    """Whether the trusted base's own distributions are let in: only for an index
    that serves them."""

"""What a plugin asks for beside what its owner agreed to, in plain words."""

from __future__ import annotations

from lockgate_marketplace.consent._decision import Agreed, Word, decide
from lockgate_marketplace.consent._diff import Asked, Change, compare, passes_on
from lockgate_marketplace.consent._words import told

__all__ = [
    "Agreed",
    "Asked",
    "Change",
    "Word",
    "compare",
    "decide",
    "passes_on",
    "told",
]

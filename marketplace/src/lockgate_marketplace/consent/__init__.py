"""What a plugin asks for beside what its owner agreed to, in plain words.

`policy_file` reads what they agreed to beforehand; it brings pydantic, so whoever has
such a file imports it.
"""

from __future__ import annotations

from lockgate_marketplace.consent._decision import Agreed, Word, decide
from lockgate_marketplace.consent._diff import Asked, Change, compare, passes_on
from lockgate_marketplace.consent._policy import Coming, ConsentPolicy
from lockgate_marketplace.consent._words import told

__all__ = [
    "Agreed",
    "Asked",
    "Change",
    "Coming",
    "ConsentPolicy",
    "Word",
    "compare",
    "decide",
    "passes_on",
    "told",
]

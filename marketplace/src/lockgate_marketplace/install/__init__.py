"""From wheels to an installed plugin: each step fails closed, and the last is a rename.

::

    plan = prepare([path], plugins, Accepted())   # judged; leaves no trace
    carry_out(plan, store)                        # store, then one generation
"""

from __future__ import annotations

from lockgate_marketplace.install._carry_out import carry_out, stage
from lockgate_marketplace.install._fits import surroundings
from lockgate_marketplace.install._former import brings_others, former
from lockgate_marketplace.install._plan import Accepted, Plan, judge, prepare

__all__ = [
    "Accepted",
    "Plan",
    "brings_others",
    "carry_out",
    "former",
    "judge",
    "prepare",
    "stage",
    "surroundings",
]

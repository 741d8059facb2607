"""From an offer to an owner's agreement, and from that to what is in force.

::

    case = case_of(offer, present, config, policy)    # what it asks for, beside before
    check_known([case], word)
    given = consented(case, word, store, ask=ask)     # or set aside, or refused
    generation = carried([case], {case.name: given}, config, verb="install")

Read it from above: `_carry` (in force, if all is as it was asked about), `_consented`
(what is agreed to, refused, set aside), `_case` (an offer beside what is installed),
`_given` (by whom each right is given, and that written down). Whoever calls puts the
questions and prints the answers.
"""

from __future__ import annotations

from lockgate_marketplace.install.agreed._carry import Carried, carried, discard
from lockgate_marketplace.install.agreed._case import Case, case_of
from lockgate_marketplace.install.agreed._consented import Ask, check_known, consented
from lockgate_marketplace.install.agreed._given import Given, by_policy, grant_given

__all__ = [
    "Ask",
    "Carried",
    "Case",
    "Given",
    "by_policy",
    "carried",
    "case_of",
    "check_known",
    "consented",
    "discard",
    "grant_given",
]

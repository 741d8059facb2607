"""From names or wheels to installed plugins: each step fails closed, the last renames.

::

    offer = from_files(paths, trust, present, terms)    # judged; leaves no trace
    …                                                   # its owner agrees, or not
    carry_out([offer], store, trust)                    # who made it; one generation

From an index: `lockgate_marketplace.install.named`; from a lock:
`lockgate_marketplace.install.locked`; what its owner agrees to:
`lockgate_marketplace.install.agreed`. Read it from above: `_carry_out`, `_offer`,
`_origin` with `_evidence` (by whom), `_plan` with `_fits` and `_needs` (is it sound),
`_trial` in `_passing` (does it load), `_claims` (does it take what is another's),
`_former` (what it takes the place of), `_incoming` (where downloads come in), `_disk`
(if it refuses meanwhile).
"""

from __future__ import annotations

from lockgate_marketplace.install._carry_out import carry_out, set_aside, stage
from lockgate_marketplace.install._claims import check_claims
from lockgate_marketplace.install._fits import surroundings
from lockgate_marketplace.install._former import brings_others, former
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install._needs import check_needs, needs_of
from lockgate_marketplace.install._offer import Offer, from_files, origin_of
from lockgate_marketplace.install._origin import Origin, remember
from lockgate_marketplace.install._plan import Plan, Terms, judge
from lockgate_marketplace.install._trial import try_out

__all__ = [
    "Incoming",
    "Offer",
    "Origin",
    "Plan",
    "Terms",
    "brings_others",
    "carry_out",
    "check_claims",
    "check_needs",
    "former",
    "from_files",
    "judge",
    "needs_of",
    "origin_of",
    "remember",
    "set_aside",
    "stage",
    "surroundings",
    "try_out",
]

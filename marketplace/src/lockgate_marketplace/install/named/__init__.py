"""From names to offers: what is wanted of an index, chosen, got and judged.

::

    with open_client(settings, data) as client:
        policy = Policy.running(known=known_names(present, trust.pins()))
        offers = from_index(wants, client, trust, incoming, present, policy, terms)

Read it from above: `_from_index` (the whole way), `_choose` and `_older` (what to
get), `_get` with `_evidence` (files and proofs, held against what the index said). A
package of its own, because it brings the HTTP client, which files do without.
"""

from __future__ import annotations

from lockgate_marketplace.install.named._choose import PROVIDED, known_names
from lockgate_marketplace.install.named._from_index import from_index
from lockgate_marketplace.install.named._get import Tell
from lockgate_marketplace.install.named._older import is_meant, steps_back

__all__ = ["PROVIDED", "Tell", "from_index", "is_meant", "known_names", "steps_back"]

"""What is installed, held against its index: what is newer, and who needs what.

::

    policy = policy_now(present, trust.pins())
    for one in standings(store.folder.read().entries, client, trust.pins(), policy):
        one.latest, one.waiting, one.error

Read it from below: `_sources` (which index a distribution is from), `_standing` (what
that has now), `_upgrade` (what becomes of each that has something newer), `_users`
(whose environment a distribution is part of, and why).
"""

from __future__ import annotations

from lockgate_marketplace.upkeep._sources import (
    entries_named,
    entries_to_upgrade,
    index_to_ask,
)
from lockgate_marketplace.upkeep._standing import Standing, policy_now, standings
from lockgate_marketplace.upkeep._upgrade import (
    Outcome,
    Upgrades,
    agree_to,
    put_in_force,
)
from lockgate_marketplace.upkeep._users import Use, uses_of

__all__ = [
    "Outcome",
    "Standing",
    "Upgrades",
    "Use",
    "agree_to",
    "entries_named",
    "entries_to_upgrade",
    "index_to_ask",
    "policy_now",
    "put_in_force",
    "standings",
    "uses_of",
]

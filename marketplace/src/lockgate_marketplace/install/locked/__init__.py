"""From a lock to what it says: judged as any wheel is, and in force in one step.

::

    check_once(lock, file)
    changed = changes(lock, store)                 # the rest is left alone
    done = Sync(terms, policy, folder).carry_out(changed, tell)

Read it from above: `sync` (the whole way, what its owner lets pass), `_put` (one
generation), `_makers` (who made what lies in the store), `_rights` (none by a word said
before), `_changes` (what changes, judged); `missing` is imported only where a wheel has
to come from its index. What a lock is, and how its wheels are found:
`lockgate_marketplace.lock`.
"""

from __future__ import annotations

from lockgate_marketplace.install.locked._changes import (
    changes,
    check_once,
    judge_locked,
)
from lockgate_marketplace.install.locked._makers import known_makers, origins_of
from lockgate_marketplace.install.locked._put import put_in_force
from lockgate_marketplace.install.locked._rights import check_rights

__all__ = [
    "changes",
    "check_once",
    "check_rights",
    "judge_locked",
    "known_makers",
    "origins_of",
    "put_in_force",
]

"""What code was denied, as the grants that would allow it: for its owner to choose.

::

    from lockgate_sandbox.learning import Bounds, suggest

    found = suggest(result.denials, policy, within=Bounds(read=("/srv/data",)))
    print(found.policy.describe(), found.left)

Nothing here runs code or grants anything by itself. `_propose` makes a `_proposal` of a
denial, `_suggest` a policy of those that lie within bounds. ``lockgate-sandbox learn``
asks about them.
"""

from __future__ import annotations

from lockgate_sandbox.learning._proposal import Proposal
from lockgate_sandbox.learning._propose import Proposals, propose
from lockgate_sandbox.learning._suggest import Bounds, Suggested, suggest

__all__ = ["Bounds", "Proposal", "Proposals", "Suggested", "propose", "suggest"]

"""What an index said before: whoever replays or rewrites the past is noticed.

::

    memory = LocalMemory(data / "trust" / "seen")
    seen = memory.observe(page)         # raises if it contradicts what was seen
    memory.accept(page)                 # the owner says that the change is right

`_freshness` is the interface (TUF can stand behind it), `_record` what is kept of a
project, `_changes` the rules, `_local` the files.
"""

from __future__ import annotations

from lockgate_marketplace.memory._changes import Change
from lockgate_marketplace.memory._freshness import Forgetful, Freshness, Seen
from lockgate_marketplace.memory._local import LocalMemory

__all__ = ["Change", "Forgetful", "Freshness", "LocalMemory", "Seen"]

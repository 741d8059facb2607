"""``lockgate.lock``: what is installed, by hash, so that another machine has the same.

::

    lock = lock_of(store, known)           # of the generation in force
    write_lock(path, lock)                 # whole, and the same bytes for the same lock
    differences(read_lock(path), lock)     # in words
    to_pylock(lock)                        # PEP 751, for other installers

Read it from above: `_take` (from the store), `_origin` (what that remembers),
`_makers`, `_difference`, `_pylock`, `_file` (the bounded reader, the writer), `_model`.
"""

from __future__ import annotations

from lockgate_marketplace.lock._difference import Difference, differences
from lockgate_marketplace.lock._file import parse_lock, read_lock, to_text, write_lock
from lockgate_marketplace.lock._makers import check_makers
from lockgate_marketplace.lock._model import SCHEMA, Lock, LockedPlugin, LockedWheel
from lockgate_marketplace.lock._origin import index_recorded, origin_data, proven_of
from lockgate_marketplace.lock._pylock import to_pylock
from lockgate_marketplace.lock._take import (
    Known,
    check_there,
    files_in,
    find_wheels,
    lacking,
    lock_of,
)

__all__ = [
    "SCHEMA",
    "Difference",
    "Known",
    "Lock",
    "LockedPlugin",
    "LockedWheel",
    "check_makers",
    "check_there",
    "differences",
    "files_in",
    "find_wheels",
    "index_recorded",
    "lacking",
    "lock_of",
    "origin_data",
    "parse_lock",
    "proven_of",
    "read_lock",
    "to_pylock",
    "to_text",
    "write_lock",
]

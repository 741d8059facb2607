"""The store: unpacked wheels by their hash, and the generations made of them.

::

    store = Store(config.data_dir)
    with store.held():                              # no garbage is collected meanwhile
        wheels = [store.add(wheel) for wheel in judged]
        entry = store.environment(wheels, plugins=["acme"])
        store.commit([entry], reason="install acme 1.2")

Read it from above: `_store` (what can be asked of it), `_environment` (wheels that go
together), `_merged` (their files in one folder), `_garbage`, `_verify`, `_wheels` (one
wheel, whole or absent), `_reopen` (out of it, to be judged again), `_record` (what an
unpacked wheel says of itself), `_native` (which shared libraries look for neighbours),
`_disk` (folders that outlast a crash). What a generation is belongs to the
engine: `lockgate.installed`.
"""

from __future__ import annotations

from lockgate_marketplace.store._environment import check_judged, merged_reason_of
from lockgate_marketplace.store._garbage import Collected
from lockgate_marketplace.store._record import StoredFile, StoredWheel
from lockgate_marketplace.store._store import KEEP, Store
from lockgate_marketplace.store._verify import Damage

__all__ = [
    "KEEP",
    "Collected",
    "Damage",
    "Store",
    "StoredFile",
    "StoredWheel",
    "check_judged",
    "merged_reason_of",
]

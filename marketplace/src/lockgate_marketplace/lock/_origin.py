"""What a generation remembers of where an environment came from, as a lock tells it.

The engine keeps an entry's `origin` and believes nothing of it; neither does the lock,
which only tells it: who made a file is proven when it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from lockgate.installed import Generation, Installed
from lockgate_marketplace.identity import UNPROVEN, Identity, identity_from
from lockgate_marketplace.lock._model import LockedWheel

__all__ = ["index_recorded", "origin_data", "proven_of", "scan_of", "told"]

_SCAN = "scan"
_STATUS = "status"


def origin_data(
    wheels: Iterable[tuple[str, str, Identity]],
    scan: str,
    *,
    said: Collection[str] = (),
    status: str = "",
) -> tuple[tuple[str, str], ...]:
    """An entry's origin: of each wheel its name, index and identity; a verdict's id.

    Who made the wheels `said` is a lock's word; of the others it was proven here.
    `status` is what the index said of the whole project, if it was not active.
    """
    found = {_SCAN: scan} if scan else {}
    if status:
        found[_STATUS] = status
    for name, index, identity in wheels:
        if index:
            found[f"index:{name}"] = index
        if identity != UNPROVEN:
            word = "said" if name in said else "by"
            found[f"{word}:{name}"] = json.dumps(identity.to_data())
    return tuple(sorted(found.items()))


def told(wheel: LockedWheel, entry: Installed) -> LockedWheel:
    """`wheel` with what the entry remembers of it; nothing if that is unsound."""
    origin = dict(entry.origin)
    index = origin.get(f"index:{wheel.name}", "")
    name = wheel.name
    proven = _identity(origin, f"by:{name}")
    identity = proven if proven != UNPROVEN else _identity(origin, f"said:{name}")
    return replace(wheel, index=index, identity=identity)


def proven_of(
    sha256: str, name: str, generations: Iterable[Generation]
) -> tuple[Identity, ...]:
    """Who was proven to have made a wheel when it was installed here."""
    entries = [entry for generation in generations for entry in generation.entries]
    found = [
        _identity(dict(entry.origin), f"by:{name}")
        for entry in entries
        if any((w.sha256, w.name) == (sha256, name) for w in entry.wheels)
    ]
    return tuple(identity for identity in found if identity != UNPROVEN)


def index_recorded(entry: Installed) -> str:
    """The index that the distribution itself came from; ``""`` if it was a file."""
    return dict(entry.origin).get(f"index:{entry.distribution}", "")


def scan_of(entry: Installed) -> str:
    """The id of the verdict on its source; ``""`` if nobody wrote it down."""
    return dict(entry.origin).get(_SCAN, "")


def _identity(origin: Mapping[str, str], key: str) -> Identity:
    try:
        return identity_from(json.loads(origin[key]))
    except (KeyError, ValueError, RecursionError):
        return UNPROVEN

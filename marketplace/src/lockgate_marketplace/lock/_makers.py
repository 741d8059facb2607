"""Whom a lock names as the makers of its wheels, beside whom is known to be.

The lock's word proves nothing: it can make an installation stop, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.identity import Identity
from lockgate_marketplace.lock._model import LockedPlugin, LockedWheel

__all__ = ["check_makers"]


def check_makers(
    entries: Iterable[LockedPlugin], known: Iterable[tuple[str, Identity]]
) -> None:
    """Whether the lock contradicts what is `known`: a distribution's name, and by whom.

    Raises:
        LockFileError: ``lock-identity``.
    """
    wheels = [wheel for entry in entries for wheel in entry.wheels]
    for name, identity in known:
        for wheel in wheels:
            if wheel.name == name and _proven(identity) and _proven(wheel.identity):
                _check_same(wheel, identity)


def _proven(identity: Identity) -> bool:
    return identity.kind in ("attestation", "key")


def _check_same(wheel: LockedWheel, identity: Identity) -> None:
    differences = wheel.identity.differences(identity)
    if differences:
        raise LockFileError(
            "lock-identity",
            f"{wheel.name} {wheel.version} is locked as by "
            f"{wheel.identity.describe()}, and is by {identity.describe()}",
            where=wheel.filename,
            differences=list(differences),
        )

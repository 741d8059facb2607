"""How two locks differ, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lockgate_marketplace.lock._model import Lock, LockedPlugin, LockedWheel

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One distribution: what the lock says of it, and what is installed."""

    distribution: str
    message: str


def differences(locked: Lock, present: Lock) -> tuple[Difference, ...]:
    """How `present`, what is installed, is not what `locked` says."""
    return tuple(_differences(locked, present))


def _differences(locked: Lock, present: Lock) -> Iterator[Difference]:
    for entry in locked.entries:
        found = present.get(entry.distribution)
        if found is None:
            message = f"{entry.version} is locked and not installed"
            yield Difference(entry.distribution, message)
            continue
        for message in _of_one(entry, found):
            yield Difference(entry.distribution, message)
    for entry in present.entries:
        if locked.get(entry.distribution) is None:
            message = f"{entry.version} is installed and not locked"
            yield Difference(entry.distribution, message)


def _of_one(locked: LockedPlugin, found: LockedPlugin) -> Iterator[str]:
    ours = {wheel.name: wheel for wheel in locked.wheels}
    theirs = {wheel.name: wheel for wheel in found.wheels}
    for name in sorted(ours.keys() | theirs.keys()):
        want, have = ours.get(name), theirs.get(name)
        if want is None and have is not None:
            yield f"its environment has {name} {have.version}, which is not locked"
        elif want is not None and have is None:
            yield f"its environment lacks {name} {want.version}"
        elif want is not None and have is not None and want.sha256 != have.sha256:
            if want.version != have.version:
                yield f"{name} {want.version} is locked, {have.version} is installed"
            else:
                yield f"{name} {want.version} is another file: {have.sha256[:12]}…"
        elif want is not None and have is not None:
            yield from _of_wheel(want, have)
    same = {(w.name, w.sha256) for w in locked.wheels} == {
        (w.name, w.sha256) for w in found.wheels
    }
    if same and locked.scan and found.scan and locked.scan != found.scan:
        yield "its source was judged otherwise: by other rules, or for another Python"
    for right in sorted(set(locked.rights) - set(found.rights)):
        yield f"{right} is locked as granted, and is not"
    for right in sorted(set(found.rights) - set(locked.rights)):
        yield f"{right} is granted, and is not in the lock"


def _of_wheel(locked: LockedWheel, found: LockedWheel) -> Iterator[str]:
    """The same file, got from elsewhere or proven to be by somebody else."""
    if locked.index and found.index and locked.index != found.index:
        yield (
            f"{locked.name} is locked from the index {locked.index}, and came from "
            f"{found.index}"
        )
    known = "none" not in (locked.identity.kind, found.identity.kind)
    if known and locked.identity.differences(found.identity):
        yield (
            f"{locked.name} is locked as by {locked.identity.describe()}, and was by "
            f"{found.identity.describe()}"
        )

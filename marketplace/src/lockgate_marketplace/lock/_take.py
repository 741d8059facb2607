"""From the store to a lock, and from a lock to the wheels that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockgate_marketplace.errors import LockFileError, StoreError
from lockgate_marketplace.lock._model import Lock, LockedPlugin, LockedWheel
from lockgate_marketplace.lock._origin import scan_of, told
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Surroundings, Wheel, open_wheel

__all__ = ["Known", "check_there", "files_in", "find_wheels", "lacking", "lock_of"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the engine knows of an installed plugin; the fields are `LockedPlugin`'s."""

    rights: tuple[str, ...] = ()
    hook_api: str = ""
    manifest: str = ""
    granted_at: str = ""
    granted_for: str = ""


def lock_of(store: Store, known: Mapping[str, Known]) -> Lock:
    """The lock of the generation in force; `known` is what is known of each plugin.

    Raises:
        InstalledError: If the generation is not sound.
        StoreError: If the store has no more what it names.
    """
    generation = store.folder.read()
    entries: list[LockedPlugin] = []
    for entry in generation.entries:
        plugins = [known[name] for name in entry.plugins if name in known]
        first = plugins[0] if plugins else Known()
        stored = [store.get(wheel.sha256) for wheel in entry.wheels]
        wheels = tuple(
            told(LockedWheel(one.name, one.version, one.filename, one.sha256), entry)
            for one in stored
        )
        entries.append(
            LockedPlugin(
                entry.distribution,
                entry.version,
                entry.plugins,
                wheels,
                tuple(sorted({right for one in plugins for right in one.rights})),
                first.hook_api,
                first.manifest,
                scan_of(entry),
                first.granted_at,
                first.granted_for,
            )
        )
    return Lock(tuple(entries))


def lacking(entries: Iterable[LockedPlugin], store: Store) -> list[LockedWheel]:
    """The wheels of `entries` that the store can't give whole, each once."""
    wanted = {w.sha256: w for entry in entries for w in entry.wheels}
    return [one for sha256, one in wanted.items() if not store.looks_whole(sha256)]


def files_in(folder: Path, wheels: Iterable[LockedWheel]) -> dict[str, Path]:
    """The files of `folder` that have the names of `wheels`, by the locked hash."""
    found = {one.sha256: folder / one.filename for one in wheels}
    return {sha256: path for sha256, path in found.items() if path.is_file()}


def check_there(missing: Sequence[LockedWheel], store: Store, sought: str) -> None:
    """Refuse what is `missing`, if anything is; `sought` tells where it is not.

    Raises:
        LockFileError: ``lock-wheel-missing``, naming all of them.
        StoreError: ``store-record`` for those that the store has, altered.
    """
    if not missing:
        return
    altered = [one for one in missing if store.has(one.sha256)]
    names = ", ".join(f"{w.name} {w.version}" for w in altered or missing)
    where = ", ".join(one.filename for one in altered or missing)
    word = "is" if len(altered or missing) == 1 else "are"
    if altered:
        message = f"{names} {word} altered in the store, and not {sought}"
        hint = "`lockgate verify` tells what changed; sync replaces it from --wheels."
        raise StoreError("store-record", message, where=where, hint=hint)
    message = f"{names} {word} neither in the store nor {sought}"
    raise LockFileError("lock-wheel-missing", message, where=where)


def find_wheels(
    entries: Iterable[LockedPlugin],
    store: Store,
    files: Mapping[str, Path],
    around: Surroundings,
) -> Mapping[str, Wheel]:
    """The wheels of `entries` by their hash: out of `files`, else out of the store.

    `files` are those that the store lacks (`lacking`), by the locked hash. Each wheel
    passed the gate just now; `around` is what they are to fit into. That one lies in
    the store tells nothing of what it is used for.

    Raises:
        LockFileError: ``lock-wheel-differs``.
        WheelError: If the gate refuses one.
        StoreError: If one in the store is not what was written.
    """
    found: dict[str, Wheel] = {}
    for locked in (wheel for entry in entries for wheel in entry.wheels):
        path = files.get(locked.sha256)
        if path is not None:
            wheel = _from_file(locked, path, around)
        else:
            wheel = store.reopen(locked.sha256, around)
            _check_named(wheel, locked)
        found[locked.sha256] = wheel
    return found


def _from_file(locked: LockedWheel, path: Path, around: Surroundings) -> Wheel:
    wheel = open_wheel(path, around=around)
    _check_named(wheel, locked)
    if wheel.sha256 != locked.sha256:
        message = f"its SHA-256 is {wheel.sha256}, and {locked.sha256} is locked"
        raise LockFileError("lock-wheel-differs", message, where=str(path))
    return wheel


def _check_named(found: Wheel, locked: LockedWheel) -> None:
    """Whether a wheel is of the name, version and file that the lock gives its hash.

    Raises:
        LockFileError: ``lock-wheel-differs``.
    """
    is_it = (found.name, found.version, found.filename)
    if is_it != (locked.name, locked.version, locked.filename):
        message = f"it is {found.name} {found.version} ({found.filename})"
        where = f"{locked.name} {locked.version} ({locked.filename})"
        raise LockFileError("lock-wheel-differs", message, where=where)

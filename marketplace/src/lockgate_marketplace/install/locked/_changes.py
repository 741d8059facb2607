"""What a lock names and is not in force as it says, and the plans of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lockgate.discovery import PluginState
from lockgate.installed import Generation
from lockgate_marketplace.errors import ContractError, LockFileError
from lockgate_marketplace.install._fits import surroundings
from lockgate_marketplace.install._plan import Plan, Terms, judge
from lockgate_marketplace.lock import Lock, LockedPlugin, find_wheels
from lockgate_marketplace.store import Store

__all__ = ["changes", "check_once", "judge_locked"]


def check_once(lock: Lock, where: str) -> None:
    """Whether each plugin is held by one distribution only; `where` names the lock.

    Raises:
        LockFileError: ``lock-invalid``.
    """
    named = [plugin for entry in lock.entries for plugin in entry.plugins]
    if len(set(named)) < len(named):
        message = "two of its distributions hold one plugin"
        raise LockFileError("lock-invalid", message, where=where)


def changes(lock: Lock, store: Store) -> list[LockedPlugin]:
    """What the lock names and is not in force as it says.

    Raises:
        InstalledError: If the generation in force is not sound.
    """
    now = store.folder.read()
    return [one for one in lock.entries if not _in_force(one, now, store)]


def _in_force(entry: LockedPlugin, now: Generation, store: Store) -> bool:
    """Whether it is installed as it is locked: that was judged when it came in."""
    have = now.get(entry.distribution)
    wanted = tuple(wheel.sha256 for wheel in entry.wheels)
    return (
        have is not None
        and have.plugins == entry.plugins
        and tuple(wheel.sha256 for wheel in have.wheels) == wanted
        and store.looks_as_written(have)
    )


def judge_locked(
    changed: Sequence[LockedPlugin],
    store: Store,
    files: Mapping[str, Path],
    present: Iterable[PluginState],
    terms: Terms,
) -> list[Plan]:
    """The plans of what changes, in the order of `changed`.

    The wheels are taken out of `files`, by the locked hash, else out of the store.

    Raises:
        LockFileError: If a wheel is not what is locked.
        MarketplaceError: Of the step that refuses a wheel.
    """
    found = find_wheels(changed, store, files, surroundings(present))
    plans: list[Plan] = []
    for entry in changed:
        plan = judge([found[wheel.sha256] for wheel in entry.wheels], terms)
        if entry.plugins != (plan.manifest.name,):
            asked = ", ".join(entry.plugins) or "none"
            message = f"it holds the plugin {plan.manifest.name}, and {asked} is locked"
            where = plan.plugin.filename
            raise ContractError("contract-manifest", message, where=where)
        plans.append(plan)
    return plans

"""Which rights are given and by whom; written down with the generation it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.granting import grant_exactly, grant_of
from lockgate.grants import Grant, rights_asked
from lockgate.installed import Generation
from lockgate.inventory import found_by
from lockgate_marketplace.consent import Coming, ConsentPolicy, passes_on
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install._plan import Plan
from lockgate_marketplace.sources import Sources
from lockgate_marketplace.store import Store

__all__ = ["Given", "allowed", "by_policy", "grant_given"]

Given: TypeAlias = Mapping[str, str]
"""Each right that is granted, and by whom: its owner (``""``), or a rule of theirs."""


def allowed(
    policy: ConsentPolicy, plan: Plan, found: Iterable[Coming], config: Config
) -> dict[str, str]:
    """The rights that `policy` gives to what would be installed, each with its rule.

    A wheel of `plan` that is not among `found` is from nowhere, by nobody.

    Raises:
        SourceError: If the settings of the indexes are unsound.
    """
    if not policy.rules:
        return {}
    known = {one.sha256: one for one in found}
    wheels = [known.get(one.sha256, Coming(one.sha256)) for one in plan.wheels]
    return policy.gives(
        plan.manifest.name,
        plan.plugin.name,
        wheels,
        rights_asked(plan.manifest),
        _drawn(wheels[0].index, config),
    )


def _drawn(index: str, config: Config) -> frozenset[str]:
    """The index, and the one that what its plugins need comes from."""
    if not index:
        return frozenset()
    settings = config.for_plugin("marketplace")
    one = Sources.from_settings(settings).named(index)
    return frozenset({one.name, one.dependencies} - {""})


def by_policy(
    plans: Iterable[Plan],
    known: Sequence[Coming],
    policy: ConsentPolicy,
    config: Config,
) -> list[tuple[Plan, Given]]:
    """What an owner's policy gives where nobody is asked, beside what stays granted.

    Of plugins that it gives nothing to, nothing that is granted is touched.

    Raises:
        SourceError: If the settings of the indexes are unsound.
        GrantsError: If the grants can't be read.
    """
    found: list[tuple[Plan, Given]] = []
    for plan in plans:
        rights = allowed(policy, plan, known, config)
        if not rights:
            continue
        grant = grant_of(plan.manifest.name, config)
        if grant is not None and passes_on(grant, plan.plugin.name, plan.manifest):
            asked = {right.key for right in rights_asked(plan.manifest)}
            had = {key: grant.by.get(key, "") for key in grant.granted & asked}
            rights = {**rights, **had}
        found.append((plan, rights))
    return found


def grant_given(
    agreed: Sequence[tuple[Plan, Given]],
    was: Mapping[str, Grant | None],
    config: Config,
    store: Store,
    generation: Generation,
) -> None:
    """Write down what was agreed to, and nothing else, for these environments.

    `was` are the grants that it was decided by.

    Raises:
        ConsentError: If another one answers to a name: nothing is granted then.
        GrantsError: If the grants are not those any more, or can't be written.
    """
    if not agreed:
        return
    present = found_by(config)
    states: list[tuple[PluginState, Given]] = []
    for plan, given in agreed:
        name, found = plan.manifest.name, present.get(plan.manifest.name)
        entry = generation.get(plan.plugin.name)
        folders = tuple(entry.folders(str(store.root))) if entry is not None else ()
        if found is None or not found.stored or found.environment != folders:
            message = f"{name} would not be the one that has that name"
            hint = "`lockgate list` says which one has."
            where = plan.plugin.filename
            raise ConsentError("consent-needed", message, where=where, hint=hint)
        states.append((found, given))
    grant_exactly(states, config, was)

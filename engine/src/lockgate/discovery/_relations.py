"""What candidates mean for each other: shadows, duplicates, conflicts, needs.

No plugin can put another one out of use by what it declares, with one
exception: claiming a name that another distribution has, where nothing tells which
of the two was meant (`lockgate.discovery._rightful`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from lockgate.discovery._added_kinds import unknown_kinds
from lockgate.discovery._rightful import of_name, settle_claims
from lockgate.discovery._state import PluginState
from lockgate.discovery.choice import NO_CHOICE, Choice

if TYPE_CHECKING:
    from lockgate._order.words import HookOrder

__all__ = ["relate", "unshadow"]

_NO_ORDERS: Mapping[str, HookOrder] = MappingProxyType({})


def unshadow(found: Iterable[PluginState]) -> list[PluginState]:
    """Mark what an earlier folder of the search path shadows, and duplicates.

    `found` is in the order of the search path.
    """
    states = _shadowed(found)
    by_name: dict[str, list[int]] = {}
    for index, state in enumerate(states):
        if state.state != "shadowed":
            by_name.setdefault(state.name, []).append(index)
    for name, claims in by_name.items():
        if len(claims) > 1:
            rightful = of_name(claims, states)
            for index in claims:
                if index != rightful:
                    states[index] = _duplicate(name, index, claims, states)
    return states


def _duplicate(
    name: str, index: int, claims: Sequence[int], states: Sequence[PluginState]
) -> PluginState:
    others = [
        f"{states[i].distribution} ({states[i].location})" for i in claims if i != index
    ]
    return states[index].with_state(
        "duplicate",
        f"the name {name!r} is also claimed by {', '.join(others)}",
        "Uninstall one of them; until then this one is not used.",
    )


def _shadowed(found: Iterable[PluginState]) -> list[PluginState]:
    first: dict[str, PluginState] = {}
    states: list[PluginState] = []
    for state in found:
        winner = first.setdefault(state.distribution, state)
        if winner.location == state.location:
            states.append(state)
        elif _parent(winner) == _parent(state):
            # Two metadata folders of one distribution side by side: the rest of
            # a broken upgrade. Which is real cannot be told: a duplicate.
            states.append(state)
        elif winner.manifest_path and winner.manifest_path == state.manifest_path:
            continue  # an editable install's own egg-info: the very same plugin
        else:
            states.append(
                state.with_state(
                    "shadowed",
                    f"{winner.location} comes first on the search path",
                    "Uninstall one of the two.",
                )
            )
    return states


def _parent(state: PluginState) -> str:
    return state.location.rpartition("/")[0]


def relate(
    found: Sequence[PluginState],
    disabled: Collection[str] = (),
    hooks: Mapping[str, HookOrder] = _NO_ORDERS,
    choice: Choice = NO_CHOICE,
) -> tuple[PluginState, ...]:
    """Apply the configuration, the choice, and the plugins' relations."""
    disabled = set(disabled) - choice.named
    states = [
        state.with_state(
            "disabled", "switched off in the configuration", "See `lockgate config`."
        )
        if state.name in disabled and state.state != "shadowed"
        else state
        for state in found
    ]
    if choice.any:
        states = [s if s.state == "shadowed" else choice.judge(s) for s in states]
    if any(state.conflicts for state in states):
        _excluded(states)
    settle_claims(states)
    # A plugin that became unusable may be what another one needs.
    if not any(_wishes(state) for state in states):
        while _missing(states) or unknown_kinds(states):
            pass
        return _listed(states)
    from lockgate.discovery._hook_relations import yield_for_hooks, yield_to_present

    yield_to_present(states, hooks)
    while _missing(states) or unknown_kinds(states) or yield_for_hooks(states, hooks):
        pass
    return _listed(states)


def _wishes(state: PluginState) -> bool:
    """Whether its manifest may have wishes about a hook: told without decoding it.

    `[relations]` has two keys of the same names, once each.
    """
    text = state.manifest_text
    return (
        '"before":' in text
        or '"after":' in text
        or text.count('"requires":') > bool(state.requires)
        or text.count('"conflicts":') > bool(state.conflicts)
    )


def _listed(states: Iterable[PluginState]) -> tuple[PluginState, ...]:
    return tuple(sorted(states, key=lambda s: (s.name, s.state == "shadowed")))


def _excluded(states: list[PluginState]) -> None:
    present = {state.name for state in states if state.usable}
    for index, state in enumerate(states):
        clash = [name for name in state.conflicts if name in present]
        if state.usable and clash:
            states[index] = state.with_state(
                "conflict",
                f"its manifest excludes {', '.join(clash)}, which is installed",
                "Disable or uninstall one of them.",
            )


def _missing(states: list[PluginState]) -> bool:
    """Mark plugins that need an unusable one; whether any was marked."""
    usable = {state.name for state in states if state.usable}
    changed = False
    for index, state in enumerate(states):
        gone = [name for name in state.requires if name not in usable]
        if state.usable and gone:
            states[index] = state.with_state(
                "missing-requirement",
                f"needs {', '.join(gone)}, which is not installed or not usable",
                "`lockgate list` shows the state of each plugin.",
            )
            changed = True
    return changed

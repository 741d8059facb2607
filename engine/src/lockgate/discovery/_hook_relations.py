"""What plugins that answer one hook mean for each other: order, needs, exclusions.

A wish that can't be kept puts the plugin out of use that has it, and nobody else.
Of a cycle those yield whose wishes make the most of it: to close a circle through
plugins that do not mention it, a plugin has to say more than any of them. A
first-party plugin yields to none but its own kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from lockgate._manifest.value import MANIFEST_LIMIT_BYTES, HookImpl
from lockgate._order.line import Edge, cycle_of, edges_of
from lockgate._order.words import HookOrder
from lockgate._text.files import UnreadableError, read_bounded
from lockgate._text.toml_lines import line_of
from lockgate.discovery._state import PluginState

__all__ = ["yield_for_hooks", "yield_to_present"]

_NO_ORDER = HookOrder()

Owner = Mapping[str, HookOrder]


def _impls(
    states: Sequence[PluginState], owner: Owner
) -> dict[tuple[str, bool], dict[str, HookImpl]]:
    """By hook, and by whether they wrap: each usable plugin's impl."""
    found: dict[tuple[str, bool], dict[str, HookImpl]] = {}
    for state in states:
        manifest = state.manifest if state.usable else None
        for impl in manifest.hooks if manifest is not None else ():
            if state.name not in owner.get(impl.hook, _NO_ORDER).disable:
                found.setdefault((impl.hook, impl.wrapper), {})[state.name] = impl
    return found


def _present(states: Sequence[PluginState], owner: Owner) -> dict[str, set[str]]:
    """By hook, the plugins that answer it, or might: one without manifest may."""
    silent = {state.name for state in states if state.usable and not state.manifest}
    found: dict[str, set[str]] = {}
    for (hook, _), impls in _impls(states, owner).items():
        found.setdefault(hook, set(silent)).update(impls)
    return found


def yield_to_present(states: list[PluginState], owner: Owner) -> None:
    """Put plugins out of use whose impl does not work beside another one's."""
    present = _present(states, owner)
    for (hook, _), impls in _impls(states, owner).items():
        for name, impl in impls.items():
            clash = [other for other in impl.conflicts if other in present[hook]]
            if clash:
                others = ", ".join(clash)
                _mark(
                    states,
                    name,
                    "conflict",
                    f"{_place(states, name, hook, 'conflicts')}: does not work beside "
                    f"{others}, which answers {hook!r} too",
                    _way_out(hook, clash[0]),
                )


def yield_for_hooks(states: list[PluginState], owner: Owner) -> bool:
    """Put plugins out of use whose wishes can't be kept; whether there were any."""
    return _without_needed(states, owner) or _in_a_cycle(states, owner)


def _without_needed(states: list[PluginState], owner: Owner) -> bool:
    present, changed = _present(states, owner), False
    for (hook, _), impls in _impls(states, owner).items():
        for name, impl in impls.items():
            gone = [other for other in impl.requires if other not in present[hook]]
            if gone:
                changed = True
                _mark(
                    states,
                    name,
                    "missing-requirement",
                    f"{_place(states, name, hook, 'requires')}: needs "
                    f"{', '.join(gone)} to answer {hook!r} too",
                    "`lockgate hooks show " + hook + "` lists who answers it.",
                )
    return changed


def _in_a_cycle(states: list[PluginState], owner: Owner) -> bool:
    for (hook, _), impls in _impls(states, owner).items():
        cycle = cycle_of(edges_of(impls, owner.get(hook, _NO_ORDER)))
        if not cycle:
            continue
        told = "; ".join(
            f"{edge} ({_place(states, edge.plugin, hook, edge.key)})" for edge in cycle
        )
        for name in _yielding(cycle, states):
            _mark(
                states,
                name,
                "conflict",
                f"the order of {hook!r} goes round in a circle: {told}",
                _way_out(hook, name),
            )
        return True
    return False


def _yielding(cycle: Sequence[Edge], states: Sequence[PluginState]) -> list[str]:
    """Whose wishes make the most of the cycle."""
    counts = Counter(edge.plugin for edge in cycle)
    ours = {state.name for state in states if state.usable and state.first_party}
    strangers = {name: count for name, count in counts.items() if name not in ours}
    counted = strangers or counts
    return [name for name, n in counted.items() if n == max(counted.values())]


def _mark(
    states: list[PluginState],
    name: str,
    state: Literal["conflict", "missing-requirement"],
    reason: str,
    hint: str,
) -> None:
    for index, one in enumerate(states):
        if one.name == name and one.usable:
            states[index] = one.with_state(state, reason, hint)


def _place(states: Sequence[PluginState], name: str, hook: str, key: str) -> str:
    """Where a plugin's manifest says it: file, line and key."""
    path = next(one.manifest_path for one in states if one.name == name and one.usable)
    try:
        text = read_bounded(path, MANIFEST_LIMIT_BYTES).decode("utf-8")
    except (UnreadableError, ValueError):
        text = ""
    line = line_of(text, ("hooks", hook, key))
    return f"{path}:{line} hooks.{hook}.{key}" if line else f"{path} hooks.{hook}.{key}"


def _way_out(hook: str, name: str) -> str:
    return (
        f"In the settings, [hooks.{hook}] order = [...] decides the order, and "
        f'disable = ["{name}"] leaves a plugin out.'
    )

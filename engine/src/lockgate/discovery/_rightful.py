"""Whose a name is, where several plugins claim it: a plugin's own, a noun's, a kind's.

Who comes later yields, so that no plugin is put out of use by what another one
declares. First comes the trusted base, then what the host itself was installed with,
then the store, by the generation that a distribution is there since. Among those of
the host's own installation nothing tells who was first: directory order must not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lockgate.discovery._state import PluginState

if TYPE_CHECKING:
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest

__all__ = ["Claim", "claims_of", "kinds_added", "of_name", "settle_claims"]

Claim = tuple[str, str]
"""What is claimed (``kind``, ``hook``, ``noun``), and its name."""

_NOBODY = -1


def claims_of(manifest: Manifest) -> Iterator[Claim]:
    """What a plugin takes for itself, besides its name."""
    return _claims(manifest.noun, manifest.added_kinds)


def kinds_added(state: PluginState) -> tuple[AddedKind, ...]:
    """The kinds that a plugin adds, usable or not; few manifests are decoded for it."""
    if '"added_kinds":' not in state.manifest_text or state.manifest is None:
        return ()
    return state.manifest.added_kinds


def _claims(noun: str, kinds: Iterable[AddedKind]) -> Iterator[Claim]:
    if noun:
        yield "noun", noun
    for kind in kinds:
        yield "kind", kind.name
        yield from (("hook", hook.name) for hook in kind.hooks)


def of_name(claims: Sequence[int], states: Sequence[PluginState]) -> int:
    """Whose a plugin's name is, by the place in `states`; -1 if nobody can know.

    Of a plugin that the host itself was installed with and one of the store nobody
    can: their names are what grants and settings speak of. A single file yields to
    whatever was installed: a checkout can bring the folder that it lies in.
    """
    known = [at for at in claims if states[at].first_party]
    if len(known) == 1:
        return known[0]
    installed = [at for at in claims if not states[at].single_file]
    if len(installed) == 1:
        return installed[0]
    if installed and all(states[at].stored for at in installed):
        return _first(installed, states)
    return _NOBODY


def settle_claims(states: list[PluginState]) -> None:
    """Of several usable plugins that want one noun, kind or hook, leave one in use."""
    claims: dict[Claim, list[int]] = {}
    for index, state in enumerate(states):
        if state.usable:
            for claim in set(_claims(state.noun, kinds_added(state))):
                claims.setdefault(claim, []).append(index)
    for claim, wanting in claims.items():
        if len(wanting) > 1:
            _settle(states, claim, wanting)


def _settle(states: list[PluginState], claim: Claim, wanting: Sequence[int]) -> None:
    what, name = claim
    rightful = _first(wanting, states)
    if rightful == _NOBODY and what == "noun":
        best = min(_rank(states[index]) for index in wanting)
        named = [i for i in wanting if states[i].name == name]
        rightful = next((i for i in named if _rank(states[i]) == best), _NOBODY)
    others = ", ".join(sorted(states[index].name for index in wanting))
    reason = (
        f"the command noun {name!r} is wanted by {others}"
        if what == "noun"
        else f"the {what} {name!r} is added by {others}"
    )
    if rightful != _NOBODY:
        reason += f"; it is {states[rightful].name}'s"
    for index in wanting:
        if index != rightful:
            states[index] = states[index].with_state(
                "conflict", reason, "Disable or uninstall all but one of them."
            )


def _first(claims: Sequence[int], states: Sequence[PluginState]) -> int:
    """The one that comes before all others; -1 if several come first."""
    ranked = sorted(claims, key=lambda index: _rank(states[index]))
    if _rank(states[ranked[0]]) == _rank(states[ranked[1]]):
        return _NOBODY
    return ranked[0]


def _rank(state: PluginState) -> tuple[int, int]:
    if state.first_party:
        return 0, 0
    return (2, state.since) if state.stored else (1, 0)
